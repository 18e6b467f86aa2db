// sagabus doctor: each line, where all is well and where it is not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dynamodb_table.hpp"
#include "outbox_fixture.hpp"
#include "sagabus/sqs/transport.hpp"
#include "spoiling_proxy.hpp"
#include "support/temp_directory.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kSecret = "hunter2-the-secret";

// Keys that the emulators take, and nothing else of this machine's.
RunOptions signed_run() {
  RunOptions options;
  options.environment["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
  options.environment["AWS_SECRET_ACCESS_KEY"] = kSecret;
  options.environment["AWS_SESSION_TOKEN"] = std::nullopt;
  options.environment["AWS_EC2_METADATA_DISABLED"] = "true";
  options.environment["AWS_CONFIG_FILE"] = "/dev/null";
  options.environment["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null";
  return options;
}

// What it found, by check: "ok: environment, ...". Those of one check come one after the other.
struct Diagnosis {
  int exit = -1;
  std::string err{};
  std::map<std::string, std::string> lines{};
  std::map<std::string, std::string> advice{};

  const std::string& operator[](const std::string& check) const {
    static const std::string kNone = "not looked at";
    const auto found = lines.find(check);
    return found == lines.end() ? kNone : found->second;
  }
};

Diagnosis diagnose(std::vector<std::string> words, const RunOptions& options = signed_run()) {
  words.insert(words.begin(), {"doctor", "--json"});
  const Ran ran = run_sagabus(words, options);
  EXPECT_EQ(ran.out.find(kSecret), std::string::npos);
  Ran fine = ran;
  fine.exit = 0;
  fine.err.clear();
  Diagnosis out{ran.exit, ran.err};
  for (const Value& line : objects(fine)) {
    const std::string check = *line.find("check")->if_string();
    std::string& text = out.lines[check];
    if (!text.empty()) text += '\n';
    text += *line.find("severity")->if_string() + ": " + *line.find("found")->if_string();
    const std::string* const advice = line.find("advice")->if_string();
    if (advice) out.advice[check] += *advice;
    EXPECT_TRUE(advice || *line.find("severity")->if_string() == "ok") << "no advice: " << text;
  }
  return out;
}

class DoctorOfTable : public ::testing::Test {
 protected:
  std::string name() const {
    const auto begin = table_.uri().find("//") + 2;
    return table_.uri().substr(begin, table_.uri().find('?') - begin);
  }
  std::string uri_at(const std::string& endpoint) const {
    return "dynamodb://" + name() + "?region=us-east-1&endpoint=" + endpoint;
  }
  Diagnosis through(Spoils spoils, const RunOptions& options = signed_run()) const {
    const SpoilingProxy proxy(dynamodb_endpoint(), std::move(spoils));
    return diagnose({"--store", uri_at(proxy.endpoint())}, options);
  }
  std::string call(const std::string& operation, const std::string& members) const {
    dynamodb::ClientOptions options;
    options.region = "us-east-1";
    options.endpoint = dynamodb_endpoint();
    options.credentials = aws::static_credentials("AKIDEXAMPLE", "secret");
    const dynamodb::Client client(options);
    auto calling = client.call(operation, R"({"TableName":")" + name() + "\"" + members + "}");
    return sync_wait(std::move(calling));
  }

  const DynamoDbTable table_;
};

TEST_F(DoctorOfTable, FindsAllWell) {
  const Diagnosis found = diagnose({"--store", table_.uri()});
  EXPECT_EQ(found.exit, 0);
  EXPECT_EQ(found.err, "");
  EXPECT_EQ(found["credentials"], "ok: environment, AKIDEXAMPLE; they do not expire");
  EXPECT_EQ(found["region"], "ok: us-east-1, from the URI");
  EXPECT_EQ(found["endpoint"], "ok: " + dynamodb_endpoint() + "/, from the URI");
  EXPECT_EQ(found["tls"], "warning: plain http: only for emulators");
  EXPECT_EQ(found["clock"], "ok: as the service's, to a few seconds");
  EXPECT_EQ(found["table"], "ok: " + name() + ", ACTIVE, on demand");
  EXPECT_EQ(found["schema"], "ok: keys and record as the store needs them, format 1, 1 key shard");
  EXPECT_EQ(found["index"], "ok: correlationIndex, ACTIVE, ALL");
  EXPECT_EQ(found["ttl"], "ok: on, by the attribute ttl");
  EXPECT_EQ(found["permissions"],
            "ok: allowed: GetItem, Query, Query of the index, PutItem, UpdateItem, DeleteItem");
  EXPECT_THAT(found["latency"], HasSubstr(": 50 reads: p50 "));
}

TEST_F(DoctorOfTable, ChangesNothing) {
  Instance given;
  given.saga_name = "Order";
  given.correlation_id = "c";
  sync_wait(table_.store().insert(given));
  // Where its attempts are made: they must neither replace, change nor remove what is there.
  call("PutItem", R"(,"Item":{"sagaName":{"S":"$doctor"},"sagaId":{"S":"probe"},"x":{"S":"y"}})");
  const std::string before = call("Scan", R"(,"ConsistentRead":true)");
  EXPECT_THAT(before, HasSubstr("Order"));
  EXPECT_EQ(diagnose({"--store", table_.uri()}).exit, 0);
  EXPECT_EQ(call("Scan", R"(,"ConsistentRead":true)"), before);
  call("DeleteItem", R"(,"Key":{"sagaName":{"S":"$doctor"},"sagaId":{"S":"probe"}})");
  const std::string without = call("Scan", R"(,"ConsistentRead":true)");
  EXPECT_EQ(diagnose({"--store", table_.uri()}).exit, 0);
  EXPECT_EQ(call("Scan", R"(,"ConsistentRead":true)"), without);
}

TEST_F(DoctorOfTable, SaysWhereRegionAndEndpointComeFrom) {
  RunOptions options = signed_run();
  options.environment["AWS_REGION"] = std::nullopt;
  options.environment["AWS_DEFAULT_REGION"] = "eu-west-1";
  options.environment["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_endpoint();
  const Diagnosis found = diagnose({"--store", "dynamodb://nowhere"}, options);
  EXPECT_EQ(found.exit, 3);
  EXPECT_EQ(found["region"], "ok: eu-west-1, from AWS_DEFAULT_REGION");
  EXPECT_THAT(found["endpoint"], HasSubstr(", from AWS_ENDPOINT_URL_DYNAMODB"));
}

TEST_F(DoctorOfTable, SaysWhoseCredentialsTheyAre) {
  const TempDirectory directory;
  std::ofstream(directory.file("credentials"))
      << "[shop]\naws_access_key_id = AKIDSHOP\naws_secret_access_key = " << kSecret
      << "\naws_session_token = " << kSecret << "\n"
      << "[brief]\ncredential_process = /bin/echo '{\"Version\":1,\"AccessKeyId\":\"AKIDBRIEF\","
         "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\",\"Expiration\":\""
      << to_iso8601(system_clock()->now() + 5min) << "\"}'\n";
  RunOptions options = signed_run();
  options.environment["AWS_ACCESS_KEY_ID"] = std::nullopt;
  options.environment["AWS_SECRET_ACCESS_KEY"] = std::nullopt;
  options.environment["AWS_SHARED_CREDENTIALS_FILE"] = directory.file("credentials");
  options.environment["AWS_PROFILE"] = "shop";
  EXPECT_EQ(diagnose({"--store", table_.uri()}, options)["credentials"],
            "ok: profile shop, AKIDSHOP; of a session, whose end is not known");
  options.environment["AWS_PROFILE"] = "brief";
  EXPECT_THAT(diagnose({"--store", table_.uri()}, options)["credentials"],
              StartsWith("warning: profile brief, AKIDBRIEF; they expire at 20"));
  options.environment["AWS_PROFILE"] = "nobody";
  const Diagnosis none = diagnose({"--store", table_.uri()}, options);
  EXPECT_EQ(none.exit, 1);
  EXPECT_THAT(none["credentials"], HasSubstr("error: no AWS credentials from profile"));
  EXPECT_THAT(none["endpoint"], HasSubstr("warning: " + dynamodb_endpoint() + "/: not asked"));
  EXPECT_EQ(none["table"], "not looked at");
}

TEST_F(DoctorOfTable, SeesCredentialsThatTheServiceRefuses) {
  RunOptions options = signed_run();
  options.environment["AWS_SESSION_TOKEN"] = kSecret;
  const Diagnosis expired = through({{"*"}, "ExpiredTokenException"}, options);
  EXPECT_EQ(expired.exit, 1);
  EXPECT_EQ(expired["credentials"],
            "error: environment, AKIDEXAMPLE: the service refuses them, ExpiredTokenException: "
            "said the proxy");
  EXPECT_THAT(expired.advice.at("credentials"), HasSubstr("begin a new one"));
  EXPECT_EQ(expired["table"], "not looked at");
  const Diagnosis unknown = through({{"*"}, "UnrecognizedClientException"});
  EXPECT_THAT(unknown["credentials"], HasSubstr("error: "));
  EXPECT_THAT(unknown.advice.at("credentials"), HasSubstr("check key id and secret"));
}

TEST_F(DoctorOfTable, SeesWrongEndpoints) {
  const Diagnosis nobody = diagnose({"--store", uri_at("http://127.0.0.1:1")});
  EXPECT_EQ(nobody.exit, 1);
  EXPECT_THAT(nobody["endpoint"], StartsWith("error: http://127.0.0.1:1/, from the URI: "));
  EXPECT_EQ(nobody["clock"], "not looked at");
  const Diagnosis closed = diagnose({"--store", uri_at("https://127.0.0.1:1")});
  EXPECT_EQ(closed["tls"], "not looked at");
  const Diagnosis other = diagnose({"--store", uri_at(sqs_endpoint())});
  EXPECT_EQ(other.exit, 1);
  EXPECT_THAT(other["endpoint"], HasSubstr("what answers there is not dynamodb"));
}

TEST_F(DoctorOfTable, VerifiesCertificates) {
  const aws::TestCertificates certificates("DNS:localhost");
  const SpoilingProxy proxy(dynamodb_endpoint(), {}, &certificates);
  RunOptions options = signed_run();
  options.environment["SSL_CERT_FILE"] = certificates.ca_file;
  const Diagnosis trusted = diagnose({"--store", uri_at(proxy.endpoint("localhost"))}, options);
  EXPECT_EQ(trusted.exit, 0);
  EXPECT_EQ(trusted["tls"], "ok: TLSv1.3, certificate and host name localhost verified");
  const Diagnosis stranger = diagnose({"--store", uri_at(proxy.endpoint("localhost"))});
  EXPECT_EQ(stranger.exit, 1);
  EXPECT_EQ(stranger["tls"], "error: the certificate is not trusted, or is another host's");
  EXPECT_THAT(stranger["endpoint"], HasSubstr("certificate"));
}

TEST_F(DoctorOfTable, ComparesTheClock) {
  const Diagnosis two = through({{}, "", 2min});
  EXPECT_EQ(two.exit, 0);
  EXPECT_THAT(two["clock"], StartsWith("warning: this machine is "));
  EXPECT_THAT(two["clock"], HasSubstr(" behind the service"));
  const Diagnosis six = through({{}, "", -6min});
  EXPECT_EQ(six.exit, 1);
  EXPECT_THAT(six["clock"], StartsWith("error: this machine is "));
  EXPECT_THAT(six["clock"], HasSubstr(" ahead of the service"));
}

TEST_F(DoctorOfTable, NamesEachDeniedAction) {
  const Diagnosis found = through({{"PutItem", "DeleteItem"}});
  EXPECT_EQ(found.exit, 1);
  EXPECT_EQ(found["permissions"],
            "error: dynamodb:PutItem is denied: AccessDeniedException: said the proxy\n"
            "error: dynamodb:DeleteItem is denied: AccessDeniedException: said the proxy\n"
            "ok: allowed: GetItem, Query, Query of the index, UpdateItem");
  const Diagnosis blind = through({{"GetItem"}});
  EXPECT_THAT(blind["permissions"], HasSubstr("error: dynamodb:GetItem is denied"));
  EXPECT_EQ(blind["credentials"], "ok: environment, AKIDEXAMPLE; they do not expire");
}

// As a program's role has it, which may use the table and not look at it.
TEST_F(DoctorOfTable, IsContentWithTheRoleOfAProgram) {
  const Diagnosis found =
      through({{"DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups"}});
  EXPECT_EQ(found.exit, 0);
  EXPECT_EQ(found["table"], "warning: not looked at: dynamodb:DescribeTable is denied");
  EXPECT_EQ(found["schema"], "ok: what the store reads when it starts is as it should be");
  EXPECT_THAT(found["permissions"], StartsWith("ok: allowed: "));
}

TEST_F(DoctorOfTable, SeesAMissingTableAndAnotherSchema) {
  const std::string other = name() + "-other";
  const auto uri = [&](const std::string& table) {
    return "dynamodb://" + table + "?region=us-east-1&endpoint=" + dynamodb_endpoint();
  };
  const Diagnosis missing = diagnose({"--store", uri(other)});
  EXPECT_EQ(missing.exit, 3);
  EXPECT_EQ(missing["table"], "error: there is no table " + other);
  EXPECT_THAT(missing.advice.at("table"), HasSubstr("sagabus table create"));
  EXPECT_EQ(missing["permissions"], "not looked at");

  const Diagnosis shards = diagnose({"--store", table_.uri() + "&key_shards=8"});
  EXPECT_EQ(shards.exit, 1);
  EXPECT_EQ(shards["schema"], "error: key shards: expected 8, found 1");

  call("UpdateTimeToLive", R"(,"TimeToLiveSpecification":{"Enabled":false,"AttributeName":"ttl"})");
  const Diagnosis off = diagnose({"--store", table_.uri()});
  EXPECT_EQ(off.exit, 0);
  EXPECT_THAT(off["ttl"], StartsWith("warning: off"));
  const Diagnosis wanted = diagnose({"--store", table_.uri() + "&ttl_days=7"});
  EXPECT_EQ(wanted.exit, 1);
  EXPECT_THAT(wanted["ttl"], StartsWith("error: off, but ttl_days is set"));
}

TEST_F(DoctorOfTable, SeesAnIndexThatIsNotThere) {
  call("DeleteTable", "");
  call("CreateTable", R"(,"BillingMode":"PAY_PER_REQUEST",
      "KeySchema":[{"AttributeName":"sagaName","KeyType":"HASH"},
                   {"AttributeName":"id","KeyType":"RANGE"}],
      "AttributeDefinitions":[{"AttributeName":"sagaName","AttributeType":"S"},
                              {"AttributeName":"id","AttributeType":"S"}])");
  const Diagnosis found = diagnose({"--store", table_.uri()});
  EXPECT_EQ(found.exit, 1);
  EXPECT_EQ(found["schema"], "error: sort key: expected sagaId (S), found id (S)");
  EXPECT_EQ(found["index"], "error: index correlationIndex: missing");
  EXPECT_THAT(found.advice.at("index"), HasSubstr("index=none in the URI"));
  call("DeleteTable", "");
}

TEST_F(DoctorOfTable, SaysWhichIndexTheTableHas) {
  const Diagnosis whole = diagnose({"--store", table_.uri() + "&index=none"});
  EXPECT_EQ(whole["index"], "error: index correlationIndex: expected none");
  EXPECT_THAT(whole.advice.at("index"), HasSubstr("index=all in the URI"));
  call("DeleteTable", "");
  EXPECT_EQ(run_sagabus({"table", "create", "--store", table_.uri(), "--lean"}).exit, 0);
  const Diagnosis lean = diagnose({"--store", table_.uri()});
  EXPECT_THAT(lean.advice.at("index"), HasSubstr("index=none in the URI"));
  EXPECT_EQ(lean["permissions"], "ok: allowed: GetItem, Query, PutItem, UpdateItem, DeleteItem");
  EXPECT_EQ(diagnose({"--store", table_.uri() + "&index=none"}).exit, 0);
}

TEST_F(DoctorOfTable, PrintsForPeopleInColourOnATerminalOnly) {
  const Ran plain = run_sagabus({"doctor", "--store", table_.uri()}, signed_run());
  EXPECT_EQ(plain.exit, 0);
  EXPECT_THAT(plain.out, StartsWith("ok       store      credentials  environment, AKIDEXAMPLE"));
  EXPECT_THAT(plain.out, HasSubstr("warning  store      tls          plain http: only for "
                                   "emulators\n                              -> "));
  EXPECT_EQ(plain.out.find('\x1b'), std::string::npos);

  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  RunOptions options = signed_run();
  options.environment["TERM"] = "xterm";
  options.environment["NO_COLOR"] = std::nullopt;
  options.stdout_path = ptsname(terminal);
  EXPECT_EQ(run_sagabus({"doctor", "--store", table_.uri()}, options).exit, 0);
  std::array<char, 4096> buffer{};
  const ssize_t size = read(terminal, buffer.data(), buffer.size());
  close(terminal);
  ASSERT_GT(size, 0);
  EXPECT_THAT(std::string(buffer.data(), static_cast<std::size_t>(size)),
              StartsWith("\x1b[32mok     \x1b[0m"));
}

class DoctorOfQueues : public ::testing::Test {
 protected:
  std::string uri(const std::string& endpoint = sqs_endpoint(),
                  const std::string& more = "") const {
    return "sqs://" + prefix_ + "?region=us-east-1&endpoint=" + endpoint + more;
  }
  // The queues of an endpoint, as sagabus makes them.
  void make(const std::string& endpoint) const { make(endpoint, {}); }
  // With topics where it takes some types.
  void make(const std::string& endpoint, const std::vector<std::string>& types) const {
    sqs::TransportOptions options;
    options.queue_prefix = prefix_;
    options.create_queues = true;
    options.client = sqs::Client(client_options());
    options.topics.enabled = !types.empty();
    options.topics.client = sqs::TopicClient(client_options());
    const sqs::Transport transport(options);
    Subscription subscription;
    subscription.endpoint = endpoint;
    subscription.types = types;
    sync_wait(transport.backend()->subscribe(subscription));
  }
  void call(std::string_view operation, std::string body) const {
    const sqs::Client client(client_options());
    auto calling = client.aws().call(operation, std::move(body));
    EXPECT_TRUE(sync_wait(std::move(calling)).has_value()) << operation;
  }
  // Of SNS; what it answered.
  std::string ask_topics(const std::string& operation, const std::string& parameters) const {
    const sqs::TopicClient client(client_options());
    auto calling =
        client.aws().call(operation, "Action=" + operation + "&Version=2010-03-31&" + parameters);
    const aws::Outcome outcome = sync_wait(std::move(calling));
    EXPECT_TRUE(outcome.has_value()) << operation;
    return outcome ? outcome->body : std::string();
  }
  // Of S3.
  void ask_bucket(const std::string& method, const std::string& path) const {
    const aws::Client client(aws::kS3, client_options());
    aws::Request request;
    request.operation = "Test";
    request.method = method;
    request.path = path;
    auto sending = client.send(std::move(request));
    EXPECT_TRUE(sync_wait(std::move(sending)).has_value()) << method << path;
  }
  std::string queue(const std::string& endpoint) const {
    return prefix_ + "-" + endpoint + ".fifo";
  }
  std::string topic_arn(const std::string& type) const {
    return "arn:aws:sns:us-east-1:000000000000:" + prefix_ + "-" + type + ".fifo";
  }
  Diagnosis with(const std::string& more, const std::string& endpoint = sqs_endpoint()) const {
    return diagnose({"--transport", uri(endpoint, more), "Orders"});
  }

  const std::string prefix_ = "d" + new_nonce(*system_random());

 private:
  static sqs::ClientOptions client_options() {
    sqs::ClientOptions options;
    options.region = "us-east-1";
    options.endpoint = sqs_endpoint();
    options.credentials = aws::static_credentials("AKIDEXAMPLE", "secret");
    return options;
  }
};

TEST_F(DoctorOfQueues, FindsAllWell) {
  make("Orders");
  const std::string well =
      "ok: " + queue("Orders") +
      ", FIFO, 0 ready, 0 hidden, hidden for 30 s, to its dead letters after 50 deliveries\n"
      "ok: " +
      queue("Orders-dlq") + ", FIFO, 0 ready, 0 hidden, hidden for 30 s";
  const Diagnosis named = diagnose({"--transport", uri(), "Orders"});
  EXPECT_EQ(named.exit, 0);
  EXPECT_EQ(named["queue"], well);
  EXPECT_EQ(named["credentials"], "ok: environment, AKIDEXAMPLE; they do not expire");
  EXPECT_EQ(named["clock"], "ok: as the service's, to a few seconds");
  EXPECT_THAT(named["permissions"],
              HasSubstr("ok: " + queue("Orders") +
                        ": allowed: GetQueueUrl, GetQueueAttributes; not denied, though perhaps "
                        "not looked at either: SendMessage, ReceiveMessage, DeleteMessage, "
                        "ChangeMessageVisibility"));
  EXPECT_THAT(named["latency"], HasSubstr(": 50 looks at a queue: p50 "));
  const Diagnosis listed = diagnose({"--transport", uri()});
  EXPECT_EQ(listed.exit, 0);
  EXPECT_THAT(listed["queue"], HasSubstr("ok: " + queue("Orders") + ", FIFO"));
  EXPECT_THAT(listed["queue"], HasSubstr("ok: " + queue("Orders-dlq") + ", FIFO"));
}

TEST_F(DoctorOfQueues, SeesMissingOnes) {
  const Diagnosis named = diagnose({"--transport", uri(), "Orders"});
  EXPECT_EQ(named.exit, 1);
  EXPECT_EQ(named["queue"], "error: there is no queue " + queue("Orders") +
                                "\nerror: there is no queue " + queue("Orders-dlq"));
  const Diagnosis listed = diagnose({"--transport", uri()});
  EXPECT_EQ(listed.exit, 0);
  EXPECT_EQ(listed["queue"], "warning: there is none whose name begins with " + prefix_ + "-");
}

TEST_F(DoctorOfQueues, SeesThoseOfTheOtherKind) {
  make("Orders");
  const Diagnosis found = diagnose({"--transport", uri(sqs_endpoint(), "&fifo=false"), "Orders"});
  EXPECT_EQ(found.exit, 1);
  EXPECT_THAT(found["queue"], StartsWith("error: there is no queue " + prefix_ +
                                         "-Orders, but a FIFO one of that name"));
  EXPECT_THAT(found.advice.at("queue"), HasSubstr("fifo=true"));
}

TEST_F(DoctorOfQueues, SeesWhatDiffers) {
  call("CreateQueue", R"({"QueueName":")" + queue("Orders") +
                          R"(","Attributes":{"FifoQueue":"true","MessageRetentionPeriod":"60"}})");
  const Diagnosis found = diagnose({"--transport", uri(), "Orders"});
  EXPECT_THAT(found["queue"], StartsWith("warning: " + queue("Orders")));
  EXPECT_THAT(found["queue"], HasSubstr("no redrive policy"));
  EXPECT_THAT(found["queue"], HasSubstr("MessageRetentionPeriod is 60, expected 1209600"));
  EXPECT_THAT(found["queue"], HasSubstr("its dead letters go to nowhere"));
}

TEST_F(DoctorOfQueues, NamesDeniedActions) {
  make("Orders");
  const SpoilingProxy proxy(sqs_endpoint(), {{"SendMessageBatch", "ReceiveMessage", "ListQueues"}});
  const Diagnosis named = diagnose({"--transport", uri(proxy.endpoint()), "Orders"});
  EXPECT_EQ(named.exit, 1);
  EXPECT_THAT(named["permissions"],
              StartsWith("error: " + queue("Orders") +
                         ": sqs:SendMessage is denied: AccessDeniedException: said the proxy\n"
                         "error: " +
                         queue("Orders") + ": sqs:ReceiveMessage is denied"));
  const Diagnosis listed = diagnose({"--transport", uri(proxy.endpoint())});
  EXPECT_EQ(listed.exit, 0);
  EXPECT_THAT(listed["queue"], StartsWith("warning: not listed: AccessDeniedException"));
  const SpoilingProxy blind(sqs_endpoint(), {{"GetQueueAttributes"}});
  const Diagnosis unseen = diagnose({"--transport", uri(blind.endpoint()), "Orders"});
  EXPECT_THAT(unseen["permissions"], HasSubstr("sqs:GetQueueAttributes is denied"));
}

TEST_F(DoctorOfQueues, TakesNoMessage) {
  make("Orders");
  const std::string url = sqs_endpoint() + "/000000000000/" + queue("Orders");
  call("SendMessage",
       R"({"QueueUrl":")" + url +
           R"(","MessageBody":"{}","MessageGroupId":"g","MessageDeduplicationId":"d"})");
  for (int time = 0; time < 2; ++time) {
    EXPECT_THAT(diagnose({"--transport", uri(), "Orders"})["queue"],
                HasSubstr("FIFO, 1 ready, 0 hidden"));
  }
}

TEST_F(DoctorOfQueues, FollowsTopicsToTheirQueues) {
  make("Orders", {"Placed", "Paid"});
  const Diagnosis found = with("&topics=true");
  EXPECT_EQ(found.exit, 0);
  const std::string to = " to " + queue("Orders") + ", subscribed with raw delivery";
  EXPECT_EQ(found["topic"], "ok: " + queue("Paid") + to + "\nok: " + queue("Placed") + to);
  EXPECT_THAT(found["permissions"],
              HasSubstr("ok: " + queue("Paid") +
                        ": not denied, though perhaps not looked at either: Publish"));
  EXPECT_EQ(with("")["topic"], "not looked at");
  EXPECT_THAT(with("&topics=true&topic_arns=arn:aws:sns:eu-west-1:1:")["topic"],
              HasSubstr("warning: " + topic_arn("Paid") + " does not begin with arn:aws:sns:eu"));
}

TEST_F(DoctorOfQueues, SeesTopicsThatDoNotArrive) {
  make("Orders", {"Placed"});
  const std::string listed =
      ask_topics("ListSubscriptionsByTopic", "TopicArn=" + topic_arn("Placed"));
  const auto begin = listed.find("<SubscriptionArn>") + 17;
  const std::string subscription =
      "SubscriptionArn=" + listed.substr(begin, listed.find('<', begin) - begin);
  ask_topics("SetSubscriptionAttributes",
             subscription + "&AttributeName=RawMessageDelivery&AttributeValue=false");
  const Diagnosis wrapped = with("&topics=true");
  EXPECT_EQ(wrapped.exit, 1);
  EXPECT_EQ(wrapped["topic"], "error: " + queue("Placed") + " to " + queue("Orders") +
                                  ": RawMessageDelivery is false, expected true");
  ask_topics("Unsubscribe", subscription);
  EXPECT_EQ(with("&topics=true")["topic"], "error: " + queue("Placed") + " to " + queue("Orders") +
                                               ": the queue is not subscribed");
  ask_topics("DeleteTopic", "TopicArn=" + topic_arn("Placed"));
  const Diagnosis gone = with("&topics=true");
  EXPECT_EQ(gone.exit, 0);
  EXPECT_EQ(gone["topic"], "warning: there is no topic " + topic_arn("Placed") +
                               ", which may send to " + queue("Orders"));
  make("Payments");
  EXPECT_EQ(diagnose({"--transport", uri(sqs_endpoint(), "&topics=true"), "Payments"})["topic"],
            "warning: the policy of " + queue("Payments") + " names no topic");
}

TEST_F(DoctorOfQueues, NamesDeniedActionsOnTopics) {
  make("Orders", {"Placed"});
  const SpoilingProxy proxy(sqs_endpoint(),
                            {{"PublishBatch", "GetTopicAttributes"}, "AuthorizationError"});
  const Diagnosis found = with("&topics=true", proxy.endpoint());
  EXPECT_EQ(found.exit, 1);
  EXPECT_THAT(found["permissions"],
              HasSubstr("error: " + topic_arn("Placed") + ": sns:Publish is denied"));
  EXPECT_THAT(found["topic"], StartsWith("warning: " + topic_arn("Placed") +
                                         ": not looked at: GetTopicAttributes"));
}

TEST_F(DoctorOfQueues, TriesTheBucketOfLargeMessages) {
  make("Orders");
  const std::string bucket = "doctor-" + new_uuid(*system_random());
  const std::string claims = "&claims=" + bucket + "/big";
  const Diagnosis missing = with(claims);
  EXPECT_EQ(missing.exit, 1);
  EXPECT_THAT(missing["claims"], StartsWith("error: there is no bucket: "));
  ask_bucket("PUT", "/" + bucket);
  const Diagnosis found = with(claims);
  EXPECT_EQ(found.exit, 0);
  EXPECT_EQ(found["claims"],
            "ok: s3://" + bucket + "/big, not denied: GetObject, ListBucket, PutObject");
  for (const auto& [method, action] :
       {std::pair{"GET", "s3:GetObject or s3:ListBucket"}, std::pair{"PUT", "s3:PutObject"}}) {
    const SpoilingProxy proxy(sqs_endpoint(), {{method}, "AccessDenied"});
    const Diagnosis denied = with(claims, proxy.endpoint());
    EXPECT_EQ(denied.exit, 1);
    EXPECT_THAT(denied["claims"], StartsWith(std::string("error: ") + action + " is denied: "));
  }
  ask_bucket("DELETE", "/" + bucket);  // which it could not be if something were in it
}

std::map<std::string, std::string> contents(const std::filesystem::path& directory) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    out[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return out;
}

class DoctorOfFile : public ::testing::Test {
 protected:
  DoctorOfFile() {
    const sqlite::SagaStore store{{.path = path()}};
    Instance given;
    given.saga_name = "Order";
    given.correlation_id = "c";
    sync_wait(store.insert(given));
  }
  std::string path() const { return directory_.file("o.db"); }
  Diagnosis look() const { return diagnose({"--store", "sqlite://" + path()}); }
  void overwrite(std::streamoff at, const std::string& bytes) const {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << bytes;
  }

  const TempDirectory directory_;
};

TEST_F(DoctorOfFile, FindsAllWellAndChangesNothing) {
  const auto before = contents(directory_.path());
  const Diagnosis found = look();
  EXPECT_EQ(found.exit, 0);
  EXPECT_THAT(found["file"], StartsWith("ok: " + path() + ", "));
  EXPECT_THAT(found["disk"], HasSubstr(" free"));
  EXPECT_EQ(found["schema"], "ok: version 3");
  EXPECT_EQ(found["journal"], "ok: WAL");
  EXPECT_EQ(found["integrity"], "ok: quick_check found nothing");
  EXPECT_EQ(found["open by"], "ok: nobody");
  EXPECT_THAT(found["latency"], HasSubstr(": 50 reads: p50 "));
  EXPECT_EQ(contents(directory_.path()), before);
  const Diagnosis both =
      diagnose({"--store", "sqlite://" + path(), "--transport", "sqlite://" + path()});
  EXPECT_EQ(both["journal"], "ok: WAL");  // once
}

// What is in the log of a program that has died is for the next one to take over.
TEST_F(DoctorOfFile, LeavesTheLogOfADeadProgram) {
  const TempDirectory left;
  {
    const sqlite::SagaStore store{{.path = path()}};
    Instance given;
    given.saga_name = "Order";
    given.correlation_id = "d";
    sync_wait(store.insert(given));
    for (const char* end : {"", "-wal", "-shm", "-owners"}) {
      std::filesystem::copy(path() + end, left.file("o.db") + end);
    }
  }
  auto before = contents(left.path());
  ASSERT_FALSE(before["o.db-wal"].empty());
  const Diagnosis found = diagnose({"--store", "sqlite://" + left.file("o.db")});
  EXPECT_EQ(found.exit, 0);
  EXPECT_EQ(found["open by"], "ok: nobody");
  auto after = contents(left.path());
  before.erase("o.db-shm");  // what readers tell each other
  after.erase("o.db-shm");
  EXPECT_EQ(after, before);
}

TEST_F(DoctorOfFile, SaysWhoHoldsItOpen) {
  const sqlite::SagaStore store{{.path = path()}};
  sync_wait(store.backend()->prepare());
  const Diagnosis found = look();
  EXPECT_EQ(found.exit, 0);
  EXPECT_THAT(found["open by"],
              StartsWith("ok: process " + std::to_string(getpid()) + " since 20"));
}

TEST_F(DoctorOfFile, SeesWhatIsWrong) {
  const Diagnosis missing = diagnose({"--store", "sqlite:///nowhere/o.db"});
  EXPECT_EQ(missing.exit, 3);
  EXPECT_THAT(missing["file"], StartsWith("error: /nowhere/o.db: "));

  overwrite(63, "\x7");  // user_version
  EXPECT_EQ(look()["schema"], "error: version 7, this program knows version 3");
  overwrite(63, "\x3");
  overwrite(18, std::string("\x1\x1"));  // no log, say the versions of the format
  const Diagnosis journal = look();
  EXPECT_EQ(journal.exit, 0);
  EXPECT_THAT(journal["journal"], StartsWith("warning: delete, expected wal"));
  overwrite(4096, std::string(3 * 4096, 'x'));
  const Diagnosis damaged = look();
  EXPECT_EQ(damaged.exit, 1);
  EXPECT_THAT(damaged["integrity"], StartsWith("error: "));
  overwrite(68, "NOPE");  // application_id
  EXPECT_EQ(look()["schema"], "error: the database of another program");
  overwrite(0, std::string(64, 'x'));
  const Diagnosis other = look();
  EXPECT_EQ(other.exit, 1);
  EXPECT_THAT(other["schema"], HasSubstr("not an SQLite database"));
}

}  // namespace
}  // namespace sagabus::test
