package config_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"
)

// plants are the secrets: one in plain letters, and one that nothing can carry as it is.
var plants = []string{"correct-horse-battery", `o/d%d&"<s +cret>`}

// issued is a secret that no configuration has: it is fetched in a run.
const issued = "sesame-of-the-day-2026"

// leavesOf returns all texts that a configuration may have: in structs, behind pointers, in lists (where there is a first
// item, and added to it) and in maps (added).
func leavesOf(t reflect.Type) []leaf {
	var leaves []leaf
	walkType(t, "", func(root reflect.Value, do func(reflect.Value)) { do(root) }, &leaves)
	return leaves
}

func walkType(t reflect.Type, path string, at func(reflect.Value, func(reflect.Value)), leaves *[]leaf) {
	if t == reflect.TypeFor[promconfig.URL]() || strings.Count(path, ".") > 6 {
		return
	}
	inside := func(wrap func(v reflect.Value, do func(reflect.Value))) func(reflect.Value, func(reflect.Value)) {
		return func(root reflect.Value, do func(reflect.Value)) { at(root, func(v reflect.Value) { wrap(v, do) }) }
	}
	switch t.Kind() {
	case reflect.String:
		*leaves = append(*leaves, leaf{path, at})
	case reflect.Pointer:
		walkType(t.Elem(), path, inside(func(v reflect.Value, do func(reflect.Value)) {
			n := reflect.New(t.Elem())
			if !v.IsNil() {
				n.Elem().Set(v.Elem())
			}
			do(n.Elem())
			v.Set(n)
		}), leaves)
	case reflect.Slice:
		walkType(t.Elem(), path+"[0]", inside(func(v reflect.Value, do func(reflect.Value)) {
			if v.Len() == 0 {
				return
			}
			list := reflect.AppendSlice(reflect.MakeSlice(t, 0, v.Len()), v)
			do(list.Index(0))
			v.Set(list)
		}), leaves)
		walkType(t.Elem(), path+"[+]", inside(func(v reflect.Value, do func(reflect.Value)) {
			n := reflect.New(t.Elem()).Elem()
			do(n)
			v.Set(reflect.Append(reflect.AppendSlice(reflect.MakeSlice(t, 0, v.Len()+1), v), n))
		}), leaves)
	case reflect.Map:
		walkType(t.Elem(), path+"[X-Planted]", inside(func(v reflect.Value, do func(reflect.Value)) {
			m := reflect.MakeMap(t)
			for _, key := range v.MapKeys() {
				m.SetMapIndex(key, v.MapIndex(key))
			}
			n := reflect.New(t.Elem()).Elem()
			do(n)
			m.SetMapIndex(reflect.ValueOf("X_PLANTED").Convert(t.Key()), n)
			v.Set(m)
		}), leaves)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			below := inside(func(v reflect.Value, do func(reflect.Value)) { do(v.Field(i)) })
			switch {
			case !f.IsExported() || name == "-":
			case strings.Contains(options, "inline"):
				walkType(f.Type, path, below, leaves)
			default:
				walkType(f.Type, strings.TrimPrefix(path+"."+name, "."), below, leaves)
			}
		}
	default:
	}
}

// plant puts the secret into the text of a configuration, or into a file, where the field names one. It reports whether
// there was a place.
func (l *leaf) plant(t *testing.T, cfg any, secret string) bool {
	t.Helper()
	if !l.namesFile() {
		return l.set(cfg, secret)
	}
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	return l.set(cfg, file)
}

func (l *leaf) namesFile() bool { return strings.HasSuffix(l.path, "_file") }

// set writes a secret, or what stands for one: as user information, query and fragment, where there is a URL; into the
// place that a text has for it; and else instead of all.
func (l *leaf) set(cfg any, secret string) (done bool) {
	l.at(reflect.ValueOf(cfg).Elem(), func(v reflect.Value) {
		done = true
		u, err := url.Parse(v.String())
		switch {
		case err == nil && u.Host != "":
			u.User = url.UserPassword("ann", secret)
			u.RawQuery = url.Values{"key": {secret}}.Encode()
			u.Fragment = secret
			v.SetString(u.String())
		case strings.Contains(v.String(), plantHere):
			v.SetString(strings.ReplaceAll(v.String(), plantHere, secret))
		default:
			v.SetString(secret)
		}
	})
	return done
}

// replace writes something else instead of a text.
func (l *leaf) replace(cfg any, text string) (done bool) {
	l.at(reflect.ValueOf(cfg).Elem(), func(v reflect.Value) {
		v.SetString(text)
		done = true
	})
	return done
}

// plantHere is where a text that cannot be a secret as a whole has one.
const plantHere = "PLANT"

// leaks reports whether a text shows a secret, or the most of it.
func leaks(shown, secret string) bool {
	for _, s := range spelled[secret] {
		if strings.Contains(shown, s) {
			return true
		}
	}
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(shown, secret[i:i+8]) {
			return true
		}
	}
	return false
}

// spelled are the spellings of all secrets.
var spelled = map[string][]string{plants[0]: spellings(plants[0]), plants[1]: spellings(plants[1]), issued: spellings(issued)}

// spellings returns the forms in which the echo peers below send back what they get.
func spellings(s string) []string {
	quoted, _ := json.Marshal(s)
	list := []string{
		s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), strings.Trim(string(quoted), `"`), strings.Trim(fmt.Sprintf("%q", s), `"`),
		hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
	}
	return append(list, base64.StdEncoding.EncodeToString([]byte("ann:"+s)))
}

// echoOf returns what an echo peer sends back for what it got: as it came, decoded, and encoded anew; the peers send it
// in short pieces, since only the beginning of an answer is shown.
func echoOf(got string) []string {
	list := spellings(got)
	for _, word := range strings.Fields(got) {
		if plain, err := base64.StdEncoding.DecodeString(word); err == nil && len(plain) > 3 {
			list = append(list, string(plain))
			if _, password, ok := strings.Cut(string(plain), ":"); ok {
				list = append(list, spellings(password)...)
			}
		}
	}
	if plain, err := url.QueryUnescape(got); err == nil {
		list = append(list, spellings(plain)...)
	}
	return list
}
