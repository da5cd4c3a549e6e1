"""TFTP clients that others wrote, on a link that loses datagrams."""
