//! Reads one file with tftp_client: read ADDRESS PORT NAME PATH
//!
//! The client keeps a block twice that comes twice, so it must repeat its acknowledgement before the server
//! repeats the block, after a second; it never shortens a wait again, so the longest must be short, too.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    let address: IpAddr = words[1].parse()?;
    let server = SocketAddr::new(address, words[2].parse()?);
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    let (wait, wait_max, tries) = (Duration::from_millis(100), Duration::from_millis(200), 200);
    let file = tftp_client::download(&words[3], &socket, server, wait, wait_max, tries)?;
    std::fs::write(&words[4], file)?;
    Ok(())
}
