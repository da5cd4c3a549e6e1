"""Kafka: the client of the bus, and the topics that it reads and writes."""
