"""What is counted in the logs of Apache Kafka 4.3 brokers."""

from services.brokers.broker_log import BrokerEvents, broker_events

CONTROLLER = """\
2026-11-28T16:45:02,712 INFO [QuorumController id=2] Fencing broker 2 at epoch 10 because its session has timed out. (ReplicationControlManager)
2026-11-28T16:45:02,713 INFO [QuorumController id=2] Unfenced broker 2 has requested and been granted an immediate shutdown. (BrokerHeartbeatManager)
"""  # noqa: E501
BROKER = """\
2026-11-28T16:44:51,654 INFO [Broker id=1] Leader provbus.audit.v1-5 with topic id Some(BY_IdIzlT2yaxsQyxsOMvQ) starts at leader epoch 0 from offset 0 with partition epoch 0, high watermark 0, ISR [1,2,3] (state.change.logger)
2026-11-28T16:45:04,100 INFO [Broker id=1] Leader provbus.roles.v1-0 with topic id Some(yDVt-MpmRKmiUAjaWYRYIA) starts at leader epoch 1 from offset 8 with partition epoch 3, high watermark 8, ISR [1,3] (state.change.logger)
2026-11-28T16:45:04,101 INFO [Broker id=1] Leader __consumer_offsets-0 with topic id Some(yDVt-MpmRKmiUAjaWYRYIB) starts at leader epoch 4 from offset 8 with partition epoch 3 (state.change.logger)
2026-11-28T16:45:09,100 INFO [Broker id=1] Leader provbus.roles.v1-0 with topic id Some(yDVt-MpmRKmiUAjaWYRYIA) starts at leader epoch 12 from offset 9 with partition epoch 5 (state.change.logger)
"""  # noqa: E501


def test_sessions_and_leaders_of_our_topics_are_counted_in_all_logs() -> None:
    assert broker_events([BROKER, CONTROLLER, CONTROLLER]) == BrokerEvents(2, 2)
    assert broker_events([]) == BrokerEvents(0, 0)
