package main

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// A store keeps shipments in memory, oldest first.
type store struct {
	lock  sync.Mutex
	order []string
	byID  map[string]shipment
}

type page struct {
	Items    []shipment `json:"items"`
	Page     int        `json:"page"`
	PageSize int        `json:"pageSize"`
	Total    int        `json:"total"`
}

func newStore() *store { return &store{byID: map[string]shipment{}} }

func (s *store) list(q query) page {
	s.lock.Lock()
	defer s.lock.Unlock()
	matches := []shipment{}
	for _, id := range s.order {
		found, there := s.byID[id]
		if there && (q.status == "" || found.Status == q.status) && (q.destination == "" || found.Destination == q.destination) {
			matches = append(matches, found)
		}
	}
	start := min((q.page-1)*q.pageSize, len(matches))
	end := min(start+q.pageSize, len(matches))
	return page{matches[start:end], q.page, q.pageSize, len(matches)}
}

func (s *store) get(id string) (shipment, bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	found, there := s.byID[id]
	return found, there
}

func (s *store) create(fields map[string]any) shipment {
	now := timestamp()
	return s.put(merged(shipment{ID: newID(), Status: "created", CreatedAt: now, UpdatedAt: now}, fields))
}

func (s *store) update(old shipment, fields map[string]any) shipment {
	old.UpdatedAt = timestamp()
	return s.put(merged(old, fields))
}

func (s *store) put(one shipment) shipment {
	s.lock.Lock()
	defer s.lock.Unlock()
	if _, there := s.byID[one.ID]; !there {
		s.order = append(s.order, one.ID)
	}
	s.byID[one.ID] = one
	return one
}

func (s *store) remove(id string) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	_, there := s.byID[id]
	delete(s.byID, id)
	return there
}

func merged(one shipment, fields map[string]any) shipment {
	for name, value := range fields {
		switch name {
		case "reference":
			one.Reference = value.(string)
		case "origin":
			one.Origin = value.(string)
		case "destination":
			one.Destination = value.(string)
		case "weightKg":
			one.WeightKg = value.(float64)
		case "status":
			one.Status = value.(string)
		}
	}
	return one
}

func timestamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// newID returns a random UUID, version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
