package main

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

type shipment struct {
	ID          string  `json:"id"`
	Reference   string  `json:"reference"`
	Origin      string  `json:"origin"`
	Destination string  `json:"destination"`
	WeightKg    float64 `json:"weightKg"`
	Status      string  `json:"status"`
	CreatedAt   string  `json:"createdAt"`
	UpdatedAt   string  `json:"updatedAt"`
}

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

var nextStatuses = map[string][]string{
	"created":    {"in_transit", "cancelled"},
	"in_transit": {"delivered"},
	"delivered":  nil,
	"cancelled":  nil,
}

func canMove(from, to string) bool {
	return from == to || slices.Contains(nextStatuses[from], to)
}

// A rule returns the value to keep, and what is wrong with the value, if anything.
type rule func(value any) (any, string)

var placeForm = regexp.MustCompile(`^[A-Z]{2}[A-Z2-9]{3}$`)

func reference(value any) (any, string) {
	text, is := value.(string)
	text = strings.TrimSpace(text)
	if length := len(utf16.Encode([]rune(text))); !is || length < 1 || length > 40 {
		return nil, "must be a text of 1 to 40 characters"
	}
	return text, ""
}

func place(value any) (any, string) {
	if text, is := value.(string); !is || !placeForm.MatchString(text) {
		return nil, "must be a UN/LOCODE such as DKCPH"
	}
	return value, ""
}

func weight(value any) (any, string) {
	if number, is := value.(float64); !is || number <= 0 || number > 40_000 {
		return nil, "must be a number above 0, at most 40000"
	}
	return value, ""
}

func status(value any) (any, string) {
	text, _ := value.(string)
	if _, known := nextStatuses[text]; !known {
		return nil, "must be created, in_transit, delivered or cancelled"
	}
	return value, ""
}

// A schema names the fields of a body; with partial, some of them are enough.
type schema struct {
	rules   map[string]rule
	partial bool
}

var newShipment = schema{
	map[string]rule{"reference": reference, "origin": place, "destination": place, "weightKg": weight}, false,
}

var shipmentChanges = schema{
	map[string]rule{"reference": reference, "destination": place, "weightKg": weight, "status": status}, true,
}

// check returns the fields to keep, or what is wrong with the body.
func (s schema) check(body any) (map[string]any, []fieldError) {
	given, is := body.(map[string]any)
	if !is {
		return nil, []fieldError{{"body", "must be an object"}}
	}
	var errors []fieldError
	kept := map[string]any{}
	for name, keep := range s.rules {
		value, there := given[name]
		if !there {
			if !s.partial {
				errors = append(errors, fieldError{name, "is missing"})
			}
			continue
		}
		var wrong string
		if kept[name], wrong = keep(value); wrong != "" {
			errors = append(errors, fieldError{name, wrong})
		}
	}
	for name := range given {
		if s.rules[name] == nil {
			errors = append(errors, fieldError{name, "is not a field of a shipment"})
		}
	}
	if len(given) == 0 && s.partial {
		errors = append(errors, fieldError{"body", "must change at least one field"})
	}
	return kept, errors
}

type query struct {
	status, destination string
	page, pageSize      int
}

func readQuery(values url.Values) (query, []fieldError) {
	var errors []fieldError
	note := func(name, wrong string) {
		if wrong != "" {
			errors = append(errors, fieldError{name, wrong})
		}
	}
	found := query{page: 1, pageSize: 20}
	for name := range values {
		value, wrong := values.Get(name), ""
		switch name {
		case "status":
			found.status = value
			_, wrong = status(value)
		case "destination":
			found.destination = value
			_, wrong = place(value)
		case "page":
			found.page, wrong = number(value, math.MaxInt32)
		case "pageSize":
			found.pageSize, wrong = number(value, 100)
		default:
			wrong = "is not known"
		}
		note(name, wrong)
	}
	return found, errors
}

func number(text string, most int) (int, string) {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 || value > most {
		return 0, "must be an integer from 1 to " + strconv.Itoa(most)
	}
	return value, ""
}
