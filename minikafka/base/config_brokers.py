"""The broker configs of Apache Kafka 4.1: names, types, defaults, valid values.

A table and nothing else; `config_keys` says how its lines read, `config` what they govern.
Most of these keys change nothing here: they are accepted and described, so that a config
written for Kafka works and a tool that looks for its key finds it.
Counterpart: kafka.server.KafkaConfig; kafka.server.DynamicBrokerConfig (KIP-226).
"""

from __future__ import annotations

from minikafka.base.config_keys import read_table

__all__ = ["BROKER_KEYS"]

_TABLE = """
remote.log.storage.system.enable BOOLEAN false R
remote.log.storage.manager.impl.prefix STRING rsm.config. R nonempty
remote.log.metadata.manager.impl.prefix STRING rlmm.config. R nonempty
remote.log.storage.manager.class.name STRING ~ R nonempty
remote.log.storage.manager.class.path STRING ~ R
remote.log.metadata.manager.class.name STRING org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager R nonempty
remote.log.metadata.manager.class.path STRING ~ R
remote.log.metadata.manager.listener.name STRING ~ R nonempty
remote.log.metadata.custom.metadata.max.bytes INT 128 R 0..
remote.log.index.file.cache.total.size.bytes LONG 1073741824 C 1..
remote.log.manager.thread.pool.size INT 2 R 1..
remote.log.manager.copier.thread.pool.size INT 10 C 1..
remote.log.manager.expiration.thread.pool.size INT 10 C 1..
remote.log.manager.task.interval.ms LONG 30000 R 1..
remote.log.manager.task.retry.backoff.ms LONG 500 Ri 1..
remote.log.manager.task.retry.backoff.max.ms LONG 30000 Ri 1..
remote.log.manager.task.retry.jitter DOUBLE 0.2 Ri 0..0.5
remote.log.reader.threads INT 10 C 1..
remote.log.reader.max.pending.tasks INT 100 R 1..
log.local.retention.ms LONG -2 C -2..
log.local.retention.bytes LONG -2 C -2..
remote.log.manager.copy.max.bytes.per.second LONG 9223372036854775807 C 1..
remote.log.manager.copy.quota.window.num INT 11 R 1..
remote.log.manager.copy.quota.window.size.seconds INT 1 R 1..
remote.log.manager.fetch.max.bytes.per.second LONG 9223372036854775807 C 1..
remote.log.manager.fetch.quota.window.num INT 11 R 1..
remote.log.manager.fetch.quota.window.size.seconds INT 1 R 1..
remote.fetch.max.wait.ms INT 500 C 1..
remote.list.offsets.request.timeout.ms LONG 30000 C 1..
broker.id INT -1 R
message.max.bytes INT 1048588 C 0..
num.io.threads INT 8 C 1..
num.replica.alter.log.dirs.threads INT ~ R
background.threads INT 10 C 1..
request.timeout.ms INT 30000 R
socket.connection.setup.timeout.ms LONG 10000 R
socket.connection.setup.timeout.max.ms LONG 30000 R
authorizer.class.name STRING "" R
early.start.listeners STRING ~ R
broker.rack STRING ~ R
controlled.shutdown.enable BOOLEAN true R
delete.topic.enable BOOLEAN true R
compression.type STRING producer C in:uncompressed,zstd,lz4,snappy,gzip,producer
compression.gzip.level INT -1 C 1..9|-1
compression.lz4.level INT 9 C 1..17
compression.zstd.level INT 3 C -131072..22
max.incremental.fetch.session.cache.slots INT 1000 R 0..
fetch.max.bytes INT 57671680 R 1024..
max.request.partition.size.limit INT 2000 R 1..
unstable.api.versions.enable BOOLEAN false Ri
unstable.feature.versions.enable BOOLEAN false Ri
process.roles LIST ! R in:broker,controller
node.id INT ! R 0..
initial.broker.registration.timeout.ms INT 60000 R
broker.heartbeat.interval.ms INT 2000 R
broker.session.timeout.ms INT 9000 R
controller.listener.names STRING ~ R
sasl.mechanism.controller.protocol STRING GSSAPI R
controller.performance.sample.period.ms LONG 60000 Ri 100..
controller.performance.always.log.threshold.ms LONG 2000 Ri 0..
server.max.startup.time.ms LONG 9223372036854775807 Ri 0..
metadata.log.max.record.bytes.between.snapshots LONG 20971520 R 1..
metadata.log.max.snapshot.interval.ms LONG 3600000 R 0..
metadata.log.dir STRING ~ R
metadata.log.segment.bytes INT 1073741824 R 8388608..
metadata.log.segment.ms LONG 604800000 R
metadata.max.retention.bytes LONG 104857600 R
metadata.max.retention.ms LONG 604800000 R
metadata.max.idle.interval.ms INT 500 R 0..
internal.metadata.log.segment.bytes INT ~ Ri
internal.metadata.max.batch.size.in.bytes INT 8388608 Ri
internal.metadata.max.fetch.size.in.bytes INT 8388608 Ri
internal.metadata.delete.delay.millis LONG 60000 Ri
listeners STRING PLAINTEXT://:9092 B
advertised.listeners STRING ~ R
listener.security.protocol.map STRING SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT B
socket.send.buffer.bytes INT 102400 R
socket.receive.buffer.bytes INT 102400 R
socket.request.max.bytes INT 104857600 R 1..
socket.listen.backlog.size INT 50 R 1..
max.connections.per.ip INT 2147483647 C 0..
max.connections.per.ip.overrides STRING "" C
max.connections INT 2147483647 C 0..
max.connection.creation.rate INT 2147483647 C 0..
connections.max.idle.ms LONG 600000 R
connection.failed.authentication.delay.ms INT 100 R 0..
queued.max.requests INT 500 R 1..
queued.max.request.bytes LONG -1 R
num.network.threads INT 3 C 1..
controller.socket.timeout.ms INT 30000 R
default.replication.factor INT 1 R
replica.lag.time.max.ms LONG 30000 R
replica.socket.timeout.ms INT 30000 R
replica.socket.receive.buffer.bytes INT 65536 R
replica.fetch.max.bytes INT 1048576 R 0..
replica.fetch.wait.max.ms INT 500 R
replica.fetch.backoff.ms INT 1000 R 0..
replica.fetch.min.bytes INT 1 R
replica.fetch.response.max.bytes INT 10485760 R 0..
num.replica.fetchers INT 1 C
replica.high.watermark.checkpoint.interval.ms LONG 5000 R
fetch.purgatory.purge.interval.requests INT 1000 R
producer.purgatory.purge.interval.requests INT 1000 R
delete.records.purgatory.purge.interval.requests INT 1 R
auto.leader.rebalance.enable BOOLEAN true R
leader.imbalance.check.interval.seconds LONG 300 R 1..
unclean.leader.election.interval.ms LONG 300000 Ri 1..
unclean.leader.election.enable BOOLEAN false C
security.inter.broker.protocol STRING PLAINTEXT R in:PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL
inter.broker.listener.name STRING ~ R
replica.selector.class STRING ~ R
group.coordinator.rebalance.protocols LIST classic,consumer,streams R in:consumer,classic,share,streams
group.coordinator.threads INT 4 R 1..
group.coordinator.append.linger.ms INT 5 R 0..
offsets.commit.timeout.ms INT 5000 R 1..
offsets.load.buffer.size INT 5242880 R 1..
offsets.topic.replication.factor SHORT 3 R 1..
offsets.topic.num.partitions INT 50 R 1..
offsets.topic.segment.bytes INT 104857600 R 1..
offsets.topic.compression.codec INT 0 R
offset.metadata.max.bytes INT 4096 R
offsets.retention.minutes INT 10080 R 1..
offsets.retention.check.interval.ms LONG 600000 R 1..
group.min.session.timeout.ms INT 6000 R
group.max.session.timeout.ms INT 1800000 R
group.initial.rebalance.delay.ms INT 3000 R
group.max.size INT 2147483647 R 1..
group.consumer.session.timeout.ms INT 45000 R 1..
group.consumer.min.session.timeout.ms INT 45000 R 1..
group.consumer.max.session.timeout.ms INT 60000 R 1..
group.consumer.heartbeat.interval.ms INT 5000 R 1..
group.consumer.min.heartbeat.interval.ms INT 5000 R 1..
group.consumer.max.heartbeat.interval.ms INT 15000 R 1..
group.consumer.max.size INT 2147483647 R 1..
group.consumer.assignors LIST uniform,range R
group.consumer.migration.policy STRING bidirectional R ~in:DISABLED,DOWNGRADE,UPGRADE,BIDIRECTIONAL
group.consumer.regex.refresh.interval.ms INT 600000 Ri 10000..
group.share.session.timeout.ms INT 45000 R 1..
group.share.min.session.timeout.ms INT 45000 R 1..
group.share.max.session.timeout.ms INT 60000 R 1..
group.share.heartbeat.interval.ms INT 5000 R 1..
group.share.min.heartbeat.interval.ms INT 5000 R 1..
group.share.max.heartbeat.interval.ms INT 15000 R 1..
group.share.max.size INT 200 R 1..1000
group.share.assignors LIST simple R
group.streams.session.timeout.ms INT 45000 R 1..
group.streams.min.session.timeout.ms INT 45000 R 1..
group.streams.max.session.timeout.ms INT 60000 R 1..
group.streams.heartbeat.interval.ms INT 5000 R 1..
group.streams.min.heartbeat.interval.ms INT 5000 R 1..
group.streams.max.heartbeat.interval.ms INT 15000 R 1..
group.streams.max.size INT 2147483647 R 1..
group.streams.num.standby.replicas INT 0 R 0..
group.streams.max.standby.replicas INT 2 R 0..
log.cleaner.threads INT 1 C 0..
log.cleaner.io.max.bytes.per.second DOUBLE 1.7976931348623157E308 C
log.cleaner.dedupe.buffer.size LONG 134217728 C
log.cleaner.io.buffer.size INT 524288 C 0..
log.cleaner.io.buffer.load.factor DOUBLE 0.9 C
log.cleaner.backoff.ms LONG 15000 C 0..
log.cleaner.min.cleanable.ratio DOUBLE 0.5 C 0..1
log.cleaner.enable BOOLEAN true R
log.cleaner.delete.retention.ms LONG 86400000 C 0..
log.cleaner.min.compaction.lag.ms LONG 0 C 0..
log.cleaner.max.compaction.lag.ms LONG 9223372036854775807 C 1..
num.partitions INT 1 R 1..
log.dir STRING /tmp/kafka-logs R
log.dirs STRING ~ R
log.segment.bytes INT 1073741824 C 1048576..
log.roll.ms LONG ~ C
log.roll.hours INT 168 R 1..
log.roll.jitter.ms LONG ~ C
log.roll.jitter.hours INT 0 R 0..
log.retention.ms LONG ~ C
log.retention.minutes INT ~ R
log.retention.hours INT 168 R
log.retention.bytes LONG -1 C
log.retention.check.interval.ms LONG 300000 R 1..
log.cleanup.policy LIST delete C in:compact,delete
log.index.size.max.bytes INT 10485760 C 4..
log.index.interval.bytes INT 4096 C 0..
log.flush.interval.messages LONG 9223372036854775807 C 1..
log.segment.delete.delay.ms LONG 60000 C 0..
log.flush.scheduler.interval.ms LONG 9223372036854775807 R
log.flush.interval.ms LONG ~ C
log.flush.offset.checkpoint.interval.ms INT 60000 R 0..
log.flush.start.offset.checkpoint.interval.ms INT 60000 R 0..
log.preallocate BOOLEAN false C
num.recovery.threads.per.data.dir INT 2 C 1..
auto.create.topics.enable BOOLEAN true R
min.insync.replicas INT 1 C 1..
log.message.timestamp.type STRING CreateTime C in:CreateTime,LogAppendTime
log.message.timestamp.before.max.ms LONG 9223372036854775807 C 0..
log.message.timestamp.after.max.ms LONG 3600000 C 0..
create.topic.policy.class.name CLASS ~ R
alter.config.policy.class.name CLASS ~ R
log.dir.failure.timeout.ms LONG 30000 R 1..
log.initial.task.delay.ms LONG 30000 Ri 0..
group.share.enable BOOLEAN false Ri
group.share.delivery.count.limit INT 5 R 2..10
group.share.record.lock.duration.ms INT 30000 R 1000..3600000
group.share.min.record.lock.duration.ms INT 15000 R 1000..30000
group.share.max.record.lock.duration.ms INT 60000 R 30000..3600000
group.share.partition.max.record.locks INT 2000 R 100..10000
share.fetch.purgatory.purge.interval.requests INT 1000 R
group.share.max.share.sessions INT 2000 R 1..
group.share.persister.class.name STRING org.apache.kafka.server.share.persister.DefaultStatePersister Ri
share.coordinator.state.topic.num.partitions INT 50 R 1..
share.coordinator.state.topic.replication.factor SHORT 3 R 1..
share.coordinator.state.topic.min.isr SHORT 2 R 1..
share.coordinator.state.topic.segment.bytes INT 104857600 R 1..
share.coordinator.threads INT 1 R 1..
share.coordinator.snapshot.update.records.per.snapshot INT 500 R 0..
share.coordinator.load.buffer.size INT 5242880 R 1..
share.coordinator.state.topic.compression.codec INT 0 R
share.coordinator.append.linger.ms INT 5 R 0..
share.coordinator.write.timeout.ms INT 5000 R 1..
share.coordinator.state.topic.prune.interval.ms INT 300000 Ri 1..
share.coordinator.cold.partition.snapshot.interval.ms INT 300000 Ri 1..
transaction.state.log.min.isr INT 2 R 1..
transaction.state.log.load.buffer.size INT 5242880 R 1..
transaction.state.log.replication.factor SHORT 3 R 1..
transaction.state.log.num.partitions INT 50 R 1..
transaction.state.log.segment.bytes INT 104857600 R 1..
transaction.partition.verification.enable BOOLEAN true C
producer.id.expiration.ms INT 86400000 C 1..
producer.id.expiration.check.interval.ms INT 600000 Ri 1..
transactional.id.expiration.ms INT 604800000 R 1..
transaction.max.timeout.ms INT 900000 R 1..
transaction.abort.timed.out.transaction.cleanup.interval.ms INT 10000 R 1..
transaction.remove.expired.transaction.cleanup.interval.ms INT 3600000 R 1..
transaction.two.phase.commit.enable BOOLEAN false R
controller.quorum.voters LIST "" R
controller.quorum.bootstrap.servers LIST "" R
controller.quorum.election.timeout.ms INT 1000 R 0..
controller.quorum.fetch.timeout.ms INT 2000 R 0..
controller.quorum.election.backoff.max.ms INT 1000 R 0..
controller.quorum.append.linger.ms INT 25 R 0..
controller.quorum.request.timeout.ms INT 2000 R 0..
controller.quorum.retry.backoff.ms INT 20 R 0..
metrics.num.samples INT 2 R 1..
metrics.sample.window.ms LONG 30000 R 1..
metric.reporters LIST org.apache.kafka.common.metrics.JmxReporter C
metrics.recording.level STRING INFO R
kafka.metrics.reporters LIST "" R
kafka.metrics.polling.interval.secs INT 10 R 1..
telemetry.max.bytes INT 1048576 R 1..
quota.window.num INT 11 R 1..
replication.quota.window.num INT 11 R 1..
alter.log.dirs.replication.quota.window.num INT 11 R 1..
controller.quota.window.num INT 11 R 1..
quota.window.size.seconds INT 1 R 1..
replication.quota.window.size.seconds INT 1 R 1..
alter.log.dirs.replication.quota.window.size.seconds INT 1 R 1..
controller.quota.window.size.seconds INT 1 R 1..
client.quota.callback.class CLASS ~ R
connections.max.reauth.ms LONG 0 R
sasl.server.max.receive.size INT 524288 R
security.providers STRING ~ R
principal.builder.class CLASS org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder B
ssl.client.auth STRING none B in:required,requested,none
ssl.principal.mapping.rules STRING DEFAULT R
ssl.allow.dn.changes BOOLEAN false R
ssl.allow.san.changes BOOLEAN false R
ssl.protocol STRING TLSv1.3 B
ssl.provider STRING ~ B
ssl.enabled.protocols LIST TLSv1.2,TLSv1.3 B
ssl.keystore.type STRING JKS B
ssl.keystore.location STRING ~ B
ssl.keystore.password PASSWORD ~ B
ssl.key.password PASSWORD ~ B
ssl.keystore.key PASSWORD ~ B
ssl.keystore.certificate.chain PASSWORD ~ B
ssl.truststore.type STRING JKS B
ssl.truststore.location STRING ~ B
ssl.truststore.password PASSWORD ~ B
ssl.truststore.certificates PASSWORD ~ B
ssl.keymanager.algorithm STRING SunX509 B
ssl.trustmanager.algorithm STRING PKIX B
ssl.endpoint.identification.algorithm STRING https B
ssl.secure.random.implementation STRING ~ B
ssl.cipher.suites LIST "" B
ssl.engine.factory.class CLASS ~ B
sasl.mechanism.inter.broker.protocol STRING GSSAPI B
sasl.enabled.mechanisms LIST GSSAPI B
sasl.server.callback.handler.class CLASS ~ R
sasl.kerberos.principal.to.local.rules LIST DEFAULT B
sasl.jaas.config PASSWORD ~ B
sasl.client.callback.handler.class CLASS ~ R
sasl.login.class CLASS ~ R
sasl.login.callback.handler.class CLASS ~ R
sasl.kerberos.service.name STRING ~ B
sasl.kerberos.kinit.cmd STRING /usr/bin/kinit B
sasl.kerberos.ticket.renew.window.factor DOUBLE 0.8 B
sasl.kerberos.ticket.renew.jitter DOUBLE 0.05 B
sasl.kerberos.min.time.before.relogin LONG 60000 B
sasl.login.refresh.window.factor DOUBLE 0.8 B
sasl.login.refresh.window.jitter DOUBLE 0.05 B
sasl.login.refresh.min.period.seconds SHORT 60 B
sasl.login.refresh.buffer.seconds SHORT 300 B
sasl.login.connect.timeout.ms INT ~ R
sasl.login.read.timeout.ms INT ~ R
sasl.login.retry.backoff.max.ms LONG 10000 R
sasl.login.retry.backoff.ms LONG 100 R
sasl.oauthbearer.jwt.retriever.class CLASS org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever R
sasl.oauthbearer.jwt.validator.class CLASS org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator R
sasl.oauthbearer.scope STRING ~ R
sasl.oauthbearer.client.credentials.client.id STRING ~ R
sasl.oauthbearer.client.credentials.client.secret PASSWORD ~ R
sasl.oauthbearer.assertion.algorithm STRING RS256 R ~in:ES256,RS256
sasl.oauthbearer.assertion.claim.aud STRING ~ R
sasl.oauthbearer.assertion.claim.exp.seconds INT 300 R 0..86400
sasl.oauthbearer.assertion.claim.iss STRING ~ R
sasl.oauthbearer.assertion.claim.jti.include BOOLEAN false R
sasl.oauthbearer.assertion.claim.nbf.seconds INT 60 R 0..3600
sasl.oauthbearer.assertion.claim.sub STRING ~ R
sasl.oauthbearer.assertion.file STRING ~ R
sasl.oauthbearer.assertion.private.key.file STRING ~ R
sasl.oauthbearer.assertion.private.key.passphrase PASSWORD ~ R
sasl.oauthbearer.assertion.template.file STRING ~ R
sasl.oauthbearer.scope.claim.name STRING scope R
sasl.oauthbearer.sub.claim.name STRING sub R
sasl.oauthbearer.token.endpoint.url STRING ~ R
sasl.oauthbearer.jwks.endpoint.url STRING ~ R
sasl.oauthbearer.jwks.endpoint.refresh.ms LONG 3600000 R
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms LONG 100 R
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms LONG 10000 R
sasl.oauthbearer.clock.skew.seconds INT 30 R
sasl.oauthbearer.expected.audience LIST ~ R
sasl.oauthbearer.expected.issuer STRING ~ R
delegation.token.secret.key PASSWORD ~ R
delegation.token.max.lifetime.ms LONG 604800000 R 1..
delegation.token.expiry.time.ms LONG 86400000 R 1..
delegation.token.expiry.check.interval.ms LONG 3600000 R 1..
add.partitions.to.txn.retry.backoff.max.ms INT 100 R 0..
add.partitions.to.txn.retry.backoff.ms INT 20 R 1..
"""

BROKER_KEYS = read_table(_TABLE)
"""Every broker config by name, in Kafka's order of definition."""
