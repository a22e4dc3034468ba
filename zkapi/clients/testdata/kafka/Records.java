import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes records to a topic and reads all that are there, as a group of its own.
 *
 * Arguments: brokers, topic, how many replicas of each partition are to be in sync first, how many
 * records the topic has already. A topic that is missing is made, with two replicas of two partitions.
 */
class Records {
    static final int WRITTEN = 100;
    static final long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);

    public static void main(String[] args) throws Exception {
        String brokers = args[0], topic = args[1];
        int inSync = Integer.parseInt(args[2]), there = Integer.parseInt(args[3]);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers, "request.timeout.ms", 5_000))) {
            make(admin, topic);
            while (!inSync(admin, topic, inSync)) {
                soon(inSync + " replicas in sync");
            }
        }
        write(brokers, topic, there);
        read(brokers, topic, there + WRITTEN);
        System.exit(0); // whatever else a client still has to say to a broker that does not answer
    }

    static void make(Admin admin, String topic) throws Exception {
        try {
            admin.createTopics(List.of(new NewTopic(topic, 2, (short) 2))).all().get();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) {
                throw e;
            }
        }
    }

    static boolean inSync(Admin admin, String topic, int want) throws Exception {
        List<TopicPartitionInfo> partitions;
        try {
            partitions = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions();
        } catch (ExecutionException e) {
            return false; // a broker that has not heard of the topic
        }
        return partitions.size() == 2 && partitions.stream().allMatch(p -> p.leader() != null && p.isr().size() == want);
    }

    static void write(String brokers, String topic, int from) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "acks", "all", "delivery.timeout.ms", 60_000, "max.block.ms", 60_000, "request.timeout.ms", 5_000);
        try (var producer = new KafkaProducer<String, String>(settings, new StringSerializer(), new StringSerializer())) {
            List<Future<?>> sent = new ArrayList<>();
            for (int i = from; i < from + WRITTEN; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, "key-" + i, "record-" + i)));
            }
            for (Future<?> f : sent) {
                f.get();
            }
        }
    }

    /**
     * read expects each of the records in one place: the producer is idempotent. A group that has to
     * join anew may read a place twice.
     */
    static void read(String brokers, String topic, int want) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "group.id", "group-" + want + "-" + topic, "auto.offset.reset", "earliest", "request.timeout.ms", 5_000);
        Map<String, String> seen = new HashMap<>();
        try (var consumer = new KafkaConsumer<String, String>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (seen.size() < want) {
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200))) {
                    String place = r.partition() + "@" + r.offset(), other = seen.put(r.value(), place);
                    if (other != null && !other.equals(place)) {
                        throw new AssertionError(r.value() + " is at " + other + " and at " + place);
                    }
                }
                soon(want + " records; there are " + seen.size());
            }
            consumer.commitSync();
        }
        for (int i = 0; i < want; i++) {
            if (!seen.containsKey("record-" + i)) {
                throw new AssertionError("record-" + i + " is missing");
            }
        }
        System.out.println(want + " records");
    }

    /** soon lets a moment pass, and gives up where there have been too many. */
    static void soon(String what) throws InterruptedException {
        if (System.nanoTime() > end) {
            throw new AssertionError("never: " + what);
        }
        Thread.sleep(50);
    }
}
