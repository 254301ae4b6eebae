import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * Copies topic "in" to topic "out", each poll in one transaction with its offsets; every fourth one
 * is aborted first, and done again.
 *
 * Arguments: bootstrap servers, number of records. Lines: "ended COMMITS ABORTS", "failed WHY".
 */
public class TransactionalCopier {
    public static void main(String[] arguments) throws Exception {
        int wanted = Integer.parseInt(arguments[1]);
        int commits = 0;
        int aborts = 0;
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(producing(arguments[0]));
             KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(consuming(arguments[0]))) {
            producer.initTransactions();
            consumer.subscribe(List.of("in"));
            for (int done = 0; done < wanted; ) {
                Map<TopicPartition, OffsetAndMetadata> start = new HashMap<>();
                Map<TopicPartition, OffsetAndMetadata> end = new HashMap<>();
                int count = 0;
                producer.beginTransaction();
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    TopicPartition place = new TopicPartition(record.topic(), record.partition());
                    start.putIfAbsent(place, new OffsetAndMetadata(record.offset()));
                    end.put(place, new OffsetAndMetadata(record.offset() + 1));
                    producer.send(new ProducerRecord<>("out", record.partition(), null, record.value()));
                    count++;
                }
                boolean abortsNow = count > 0 && (commits + aborts) % 4 == 3;
                try {
                    producer.sendOffsetsToTransaction(end, consumer.groupMetadata());
                    if (!abortsNow) {
                        producer.commitTransaction();
                        commits++;
                        done += count;
                        continue;
                    }
                } catch (KafkaException error) {
                    System.err.println("aborts: " + error);
                }
                producer.abortTransaction();
                aborts++;
                start.forEach((place, from) -> consumer.seek(place, from.offset()));
            }
            System.out.println("ended " + commits + " " + aborts);
        } catch (Exception error) {
            System.out.println("failed " + error);
        }
    }

    private static Properties producing(String servers) {
        Properties config = new Properties();
        String bytes = "org.apache.kafka.common.serialization.ByteArraySerializer";
        config.put("bootstrap.servers", servers);
        config.put("transactional.id", "copier");
        config.put("key.serializer", bytes);
        config.put("value.serializer", bytes);
        return config;
    }

    private static Properties consuming(String servers) {
        Properties config = new Properties();
        String bytes = "org.apache.kafka.common.serialization.ByteArrayDeserializer";
        config.put("bootstrap.servers", servers);
        config.put("group.id", "copiers");
        config.put("isolation.level", "read_committed");
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", "false");
        config.put("max.poll.records", "50");
        config.put("key.deserializer", bytes);
        config.put("value.deserializer", bytes);
        return config;
    }
}
