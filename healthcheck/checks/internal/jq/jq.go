// Package jq asks JSON documents for what a configuration wants of them, in the language of jq. The queries are the
// user's, the documents may be hostile: a query ends with its context, sees neither the environment nor other
// documents, and its errors are short. Of what package gojq does without looking at its context, all that takes more time
// than in proportion to the document is bounded, see bound.go.
package jq

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/itchyny/gojq"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

// Query is a compiled query. It is safe for concurrent use.
type Query struct {
	text     string
	code     *gojq.Code
	searches bool // in texts, see [searching]
}

// Compile returns the query. The error, one line, says where in the text it goes wrong.
func Compile(text string) (*Query, error) {
	parsed, err := gojq.Parse(text)
	if err != nil {
		if e, ok := errors.AsType[*gojq.ParseError](err); ok {
			return nil, fmt.Errorf("%q is no jq query: %w, before byte %d", text, err, e.Offset)
		}
		return nil, fmt.Errorf("%q is no jq query: %w", text, err)
	}
	code, err := gojq.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("%q is no jq query: %w", text, err)
	}
	return &Query{text: text, code: code, searches: searching.MatchString(text)}, nil
}

// String returns the text of the query.
func (q *Query) String() string { return q.text }

// byteOrderMark stands before what some servers send, and may be passed over (RFC 8259, section 8.1), as jq does.
var byteOrderMark = []byte("\ufeff")

// Parse returns the document for queries, of one JSON value with white space around it. Its numbers keep all their
// digits, which are 1000 at most. The error has the reason body.
func Parse(document []byte) (any, error) {
	document = bytes.TrimPrefix(document, byteOrderMark)
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			if !hasDigits(document, maxDigits+1) || longestNumber(v) <= maxDigits {
				return v, nil
			}
			return nil, healthcheck.Errorf(healthcheck.ReasonBody, "JSON with a number of more than %d digits, which is not read", maxDigits)
		}
		err = errors.New("there is more after the value")
	}
	switch {
	case errors.Is(err, io.EOF):
		err = errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it ends too early")
	}
	return nil, healthcheck.Errorf(healthcheck.ReasonBody, "not JSON: %w", err)
}

// Each calls yield with each answer of the query until it returns false. A query that fails, or ends with its context,
// is an error; that of the query itself has the reason body.
func (q *Query) Each(ctx context.Context, document any, yield func(any) bool) error {
	if q.searches && longestText(document) > maxSearched {
		return healthcheck.Errorf(healthcheck.ReasonBody, "`%s` is not asked: the document has a text of more than %d bytes, which it could be searching in", q, maxSearched)
	}
	for answers := q.code.RunWithContext(ctx, document); ; {
		answer, ok := answers.Next()
		if !ok {
			return nil
		}
		if err, ok := answer.(error); ok {
			if halt, ok := errors.AsType[*gojq.HaltError](err); ok && halt.Value() == nil {
				return nil
			}
			if ctx.Err() != nil {
				return peer.Explain(ctx, "jq", ctx.Err())
			}
			return q.wrong("fails: ", withoutPreview(err.Error()), "")
		}
		if !yield(answer) {
			return nil
		}
	}
}

// Holds returns nil if the query has an answer and each is true, as with jq --exit-status; the error says what it was
// instead, and has the reason body.
func (q *Query) Holds(ctx context.Context, document any) error {
	answers, wrong := 0, any(true)
	err := q.Each(ctx, document, func(answer any) bool {
		answers++
		wrong = answer
		return answer == true
	})
	switch {
	case err != nil:
		return err
	case answers == 0:
		return healthcheck.Errorf(healthcheck.ReasonBody, "`%s` has no answer, want true", q)
	case wrong != true:
		return q.wrong("is ", shown(wrong), ", want true")
	}
	return nil
}

// Number returns the one answer of the query as a number: one that is there as a text in JSON is read, true is 1 and
// false 0. The error has the reason body.
func (q *Query) Number(ctx context.Context, document any) (float64, error) {
	answer, err := q.one(ctx, document, "a number")
	if err != nil {
		return 0, err
	}
	if n, ok := gojq.ToFloat64(answer); ok && !math.IsNaN(n) && !math.IsInf(n, 0) {
		return n, nil
	}
	switch v := answer.(type) {
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case string:
		if n, err := strconv.ParseFloat(v, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n, nil
		}
	}
	return 0, q.wrong("is ", shown(answer), ", want a number")
}

// Text returns the one answer of the query as a text, as jq --raw-output prints it; null is an error. The error has the
// reason body.
func (q *Query) Text(ctx context.Context, document any) (string, error) {
	answer, err := q.one(ctx, document, "a text")
	if err != nil {
		return "", err
	}
	switch v := answer.(type) {
	case string:
		return v, nil
	case nil:
		return "", healthcheck.Errorf(healthcheck.ReasonBody, "`%s` is null, want a text", q)
	}
	text, err := gojq.Marshal(answer)
	return string(text), err
}

func (q *Query) one(ctx context.Context, document any, want string) (answer any, err error) {
	answers := 0
	err = q.Each(ctx, document, func(a any) bool {
		answers++
		answer = a
		return answers < 2
	})
	if err == nil && answers != 1 {
		count := "no answer"
		if answers > 1 {
			count = "several answers"
		}
		err = healthcheck.Errorf(healthcheck.ReasonBody, "`%s` has %s, want %s", q, count, want)
	}
	return answer, err
}
