package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var quiet = slog.New(slog.NewJSONHandler(io.Discard, nil))

func TestAShipmentMovesForwardOnly(t *testing.T) {
	for _, pair := range [][2]string{{"created", "in_transit"}, {"in_transit", "delivered"}, {"created", "created"}} {
		if !canMove(pair[0], pair[1]) {
			t.Errorf("%s should become %s", pair[0], pair[1])
		}
	}
	if canMove("delivered", "created") {
		t.Error("what was delivered cannot be created again")
	}
}

func TestACreatedShipmentIsListed(t *testing.T) {
	api := newAPI(quiet)
	body := `{"reference":" WB-1 ","origin":"DKCPH","destination":"USNYC","weightKg":12.5}`
	request := httptest.NewRequest("POST", "/shipments", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, request)
	if answer.Code != 201 || !strings.Contains(answer.Body.String(), `"reference":"WB-1"`) {
		t.Fatal(answer.Code, answer.Body)
	}
	listed := httptest.NewRecorder()
	api.ServeHTTP(listed, httptest.NewRequest("GET", "/shipments?destination=USNYC", nil))
	if !strings.Contains(listed.Body.String(), `"total":1`) {
		t.Error(listed.Body)
	}
}

func TestARequestInFlightIsAnsweredBeforeTheServerStops(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived, ended := make(chan bool), make(chan error)
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- true
		time.Sleep(50 * time.Millisecond)
		w.WriteHeader(200)
	})
	stopped, stop := context.WithCancel(context.Background())
	go func() { ended <- serveUntil(stopped, listener, slow, time.Second, quiet) }()
	answers := make(chan int)
	go func() {
		answer, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answers <- 0
			return
		}
		answer.Body.Close()
		answers <- answer.StatusCode
	}()
	<-arrived
	stop()
	if status := <-answers; status != 200 {
		t.Error("the request was cut off:", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
