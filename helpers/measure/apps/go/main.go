// The shipments API of sample_app in Go, with nothing but the standard library.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const version = "1.0.0"

func main() {
	var err error
	switch command := append(os.Args, "serve")[1]; command {
	case "serve":
		err = serve()
	case "healthcheck": // an image without curl asks itself
		err = healthcheck()
	case "outside":
		err = outside(os.Stdout)
	default:
		err = fmt.Errorf("there is no command %q; there are serve, healthcheck and outside", command)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// integer reads a setting from the environment; it must lie between 0 and most.
func integer(name string, most, fallback int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return fallback, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 || value > most {
		return 0, fmt.Errorf("invalid configuration: %s must be an integer from 0 to %d, not %q", name, most, text)
	}
	return value, nil
}

func serve() error {
	port, err := integer("PORT", 65_535, 3000)
	if err != nil {
		return err
	}
	grace, err := integer("SHUTDOWN_GRACE_MS", 60_000, 8000)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	log.Info("listening", "version", version, "address", listener.Addr().String())
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return serveUntil(stopped, listener, newAPI(log), time.Duration(grace)*time.Millisecond, log)
}

// serveUntil answers requests until stopped is done. Requests in flight get the grace period to end.
func serveUntil(stopped context.Context, listener net.Listener, handler http.Handler, grace time.Duration, log *slog.Logger) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-stopped.Done():
	}
	log.Info("stopping")
	patience, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(patience); errors.Is(err, context.DeadlineExceeded) {
		log.Warn("stopped, with requests cut off after the grace period")
		return server.Close()
	}
	log.Info("stopped")
	return nil
}

func healthcheck() error {
	port, err := integer("PORT", 65_535, 3000)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 3 * time.Second}
	answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", port))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz answers %s", answer.Status)
	}
	return nil
}
