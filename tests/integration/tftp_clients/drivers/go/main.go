// Reads one file with github.com/pin/tftp: read ADDRESS PORT NAME PATH
package main

import (
	"log"
	"net"
	"os"

	"github.com/pin/tftp/v3"
)

func main() {
	client, err := tftp.NewClient(net.JoinHostPort(os.Args[1], os.Args[2]))
	if err != nil {
		log.Fatal(err)
	}
	read, err := client.Receive(os.Args[3], "octet")
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.Create(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	if _, err := read.WriteTo(file); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}
