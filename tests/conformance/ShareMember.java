import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;

/**
 * A member of share group g: prints what it gets, and acknowledges by value.
 *
 * Arguments: bootstrap servers, topic. Lines: "got OFFSET DELIVERY", "failed WHY". Values: release,
 * reject, hold (it polls no more, and acknowledges nothing of that poll); all else is accepted.
 * Ends, in good order, with its standard input.
 */
public class ShareMember {
    public static void main(String[] arguments) throws Exception {
        Properties config = new Properties();
        String strings = "org.apache.kafka.common.serialization.StringDeserializer";
        config.put("bootstrap.servers", arguments[0]);
        config.put("group.id", "g");
        config.put("key.deserializer", strings);
        config.put("value.deserializer", strings);
        config.put("share.acknowledgement.mode", "explicit");
        try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(config)) {
            consumer.subscribe(List.of(arguments[1]));
            boolean holds = false;
            while (!holds && System.in.available() == 0) {
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    short delivery = record.deliveryCount().orElse((short) 0);
                    System.out.println("got " + record.offset() + " " + delivery);
                    switch (record.value()) {
                        case "release" -> consumer.acknowledge(record, AcknowledgeType.RELEASE);
                        case "reject" -> consumer.acknowledge(record, AcknowledgeType.REJECT);
                        case "hold" -> holds = true;
                        default -> consumer.acknowledge(record, AcknowledgeType.ACCEPT);
                    }
                }
                if (holds) {
                    break;
                }
                consumer.commitSync().forEach((partition, error) ->
                    error.ifPresent(why -> System.out.println("failed " + why)));
            }
            System.in.read();
        }
    }
}
