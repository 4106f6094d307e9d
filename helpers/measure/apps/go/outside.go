package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"time"
)

// Where the distributions keep their certificates; Go looks there too.
var bundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", os.Getenv("SSL_CERT_FILE")}

// outside writes what the image has of the things that a program needs beside itself.
func outside(to io.Writer) error {
	_, err := time.LoadLocation("Europe/Copenhagen")
	return json.NewEncoder(to).Encode(map[string]any{
		"certificates": certificates(),
		"timeZones":    err == nil,
		"user":         os.Getuid(),
	})
}

// certificates counts the authorities that an https request from this image would trust.
func certificates() int {
	for _, file := range bundles {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		found := 0
		for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
			if _, err := x509.ParseCertificate(block.Bytes); err == nil {
				found++
			}
		}
		return found
	}
	return 0
}
