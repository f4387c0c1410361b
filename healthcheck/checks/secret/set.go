package secret

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Mark stands where something was hidden, and at the end of an excerpt of something longer.
const Mark = "…"

// The shortest values, in bytes, that are hidden anywhere in a text, and where no letter or digit adjoins them.
const (
	MinLength     = 4
	MinWordLength = 2
)

// Bounds on what a set remembers.
const (
	maxLearned = 32       // values: those of the last few runs, for peers that answer late or keep a log
	maxWords   = 1000     // of one text, all within its
	maxText    = 64 << 10 // first bytes
)

// Set is what one check must not show. The zero Set is ready for use, with nothing in it; a nil *Set is one to which
// nothing can be added. A Set must not be copied.
type Set struct {
	public []string // never written to after New
	outer  *Set     // of a set for one run

	mu      sync.RWMutex
	fixed   []value // sorted and never written to: replaced as a whole
	learned []value // the latest last; never written to
}

// value is something to hide.
type value struct {
	text  string
	shown string // instead of it
	loose bool   // a text with more than a secret in it: a part of it is none
}

// New returns a Set to which no value is added that stands in one of the public texts: the target of the check, what
// its configuration expects.
func New(public ...string) *Set {
	return &Set{public: slices.DeleteFunc(slices.Clone(public), func(s string) bool { return s == "" })}
}

// Within returns a Set for one run: it hides what s does, and all that is added to it or learned by it, which s does not
// get to know and which is gone with it. It forgets nothing, so the run has to bound what it learns. Of a nil Set it is
// an empty one.
func (s *Set) Within() *Set {
	if s == nil {
		return &Set{}
	}
	return &Set{public: s.public, outer: s}
}

// Add adds values that are secret as a whole: passwords, tokens, keys, values of headers. They are known before the
// first run; those that are read or fetched in a run are for [Set.Learn].
func (s *Set) Add(values ...string) {
	var list []value
	for _, v := range values {
		list = appendDerived(list, v, Mark)
	}
	s.add(list)
}

// AddAs adds a value that is shown as something else than [Mark], such as the reference that it was read by. What of
// the value is in shown too is not hidden.
func (s *Set) AddAs(text, shown string) { s.add(appendDerived(nil, text, shown)) }

// AddBasic adds what basic authentication sends (RFC 7617). Without a password it is the user name that is secret: it
// is where some services want their key.
func (s *Set) AddBasic(user, password string) { s.Add(basicSecrets(user, password)...) }

// LearnBasic is [Set.AddBasic] for what is known in a run only.
func (s *Set) LearnBasic(user, password string) { s.Learn(basicSecrets(user, password)...) }

func basicSecrets(user, password string) []string {
	if user == "" && password == "" {
		return nil
	}
	return []string{cmp.Or(password, user), base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
}

// AddText adds texts that are sent to a peer, or given to a program, and may have secrets in them among other things:
// the texts, and each of their words, be it in JSON, in a form, in a command or in a header.
func (s *Set) AddText(texts ...string) {
	var list []value
	for _, text := range texts {
		list = append(list, value{text: text, shown: Mark, loose: true})
		for _, word := range words(text[:min(len(text), maxText)]) {
			list = appendDerived(list, word, Mark)
		}
	}
	s.add(list)
}

// words returns what stands between blanks and quotes, and between all that separates names from values.
func words(text string) (list []string) {
	for word := range strings.FieldsSeq(text) {
		list = append(list, word, strings.Trim(word, "\"'`,;"))
		parts := strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("\"'`&=,;:<>()[]{}|", r) })
		if len(parts) > 1 {
			list = append(list, parts...)
		}
		if len(list) > maxWords {
			return list[:maxWords]
		}
	}
	return list
}

func (s *Set) add(list []value) {
	if list = s.secretOnly(list); len(list) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list = append(list, s.fixed...)
	slices.SortStableFunc(list, func(a, b value) int { return cmp.Or(len(b.text)-len(a.text), strings.Compare(a.text, b.text)) })
	s.fixed = slices.Clip(slices.CompactFunc(list, func(a, b value) bool { return a.text == b.text }))
}

// secretOnly returns the values that can be hidden and are not public.
func (s *Set) secretOnly(list []value) []value {
	return slices.DeleteFunc(list, func(v value) bool {
		return len(v.text) < MinWordLength || strings.TrimSpace(v.text) == "" || s.isPublic(v.text)
	})
}

func (s *Set) isPublic(text string) bool {
	return slices.ContainsFunc(s.public, func(p string) bool { return strings.Contains(p, text) })
}

// Learn adds values that are known in a run only: what a file held, a token that was fetched, a header as it is sent.
// The latest are remembered beyond the run, and learning one of them again is cheap. A nil Set learns nothing.
func (s *Set) Learn(values ...string) {
	if s == nil {
		return
	}
	for _, v := range values {
		if v != "" && !s.knows(v) {
			s.learn(v)
		}
	}
}

func (s *Set) knows(text string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	same := func(v value) bool { return v.text == text }
	return slices.ContainsFunc(s.learned, same) || slices.ContainsFunc(s.fixed, same)
}

func (s *Set) learn(text string) {
	list := s.secretOnly(appendDerived(nil, text, Mark))
	s.mu.Lock()
	defer s.mu.Unlock()
	list = slices.Concat(s.learned, list)
	if s.outer == nil {
		list = list[max(0, len(list)-maxLearned):]
	}
	s.learned = list
}

// Fetcher is where a secret comes from in a run. It is the SecretReader of github.com/prometheus/common/config.
type Fetcher interface {
	Fetch(ctx context.Context) (string, error)
	Description() string
	Immutable() bool
}

// Watch returns f, with all that it returns learned.
func (s *Set) Watch(f Fetcher) Fetcher { return watched{f, s} }

type watched struct {
	Fetcher
	set *Set
}

func (w watched) Fetch(ctx context.Context) (string, error) {
	text, err := w.Fetcher.Fetch(ctx)
	w.set.Learn(text)
	return text, err
}

// values returns all there is to hide. The caller does not write to it.
func (s *Set) values() []value {
	if s == nil {
		return nil
	}
	outer := s.outer.values()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.learned)+len(outer) == 0 {
		return s.fixed
	}
	return slices.Concat(outer, s.fixed, s.learned)
}

// HasWord reports whether word, which is not empty, stands in text where no letter, digit or underscore adjoins it.
func HasWord(text, word string) bool {
	for i := 0; ; i++ {
		n := strings.Index(text[i:], word)
		if n < 0 {
			return false
		}
		i += n
		if isWord(text, i, i+len(word)) {
			return true
		}
	}
}

// isWord reports whether what stands between the two places is no part of a longer word.
func isWord(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])
	return !partOfWord(before) && !partOfWord(after)
}

func partOfWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
