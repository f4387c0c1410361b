package exporter

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
	"golang.org/x/crypto/bcrypt"
)

// What go.yaml.in/yaml/v2, by which the toolkit and Prometheus' HTTP client read their files, says of mistakes.
var (
	yamlLine    = regexp.MustCompile(`(?:yaml: )?\bline (\d+): (.*)`)
	yamlUnknown = regexp.MustCompile(`^field (.*) not found in type \S+$`)
	yamlType    = regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `[^`]*`)? into (\\S+)$")
	yamlValue   = regexp.MustCompile("`[^`]*`")
)

// explain puts mistakes in a file of others' making into our words: with file and line, what is wanted, and what kind of
// thing is there instead. The values are not shown, as they may be passwords.
func explain(what, file string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s %s: not a valid URL: %w", what, file, e.Err)
	}
	if errors.Is(err, bcrypt.ErrHashTooShort) || strings.Contains(err.Error(), "crypto/bcrypt") {
		return fmt.Errorf("%s %s: want hashes of passwords by bcrypt, as htpasswd -B makes them, not something else", what, atUser(file))
	}
	found := yamlLine.FindAllStringSubmatch(err.Error(), -1)
	if len(found) == 0 {
		return fmt.Errorf("%s %s: %w", what, file, withoutValues(err))
	}
	var mistakes []error
	for _, m := range found {
		mistakes = append(mistakes, fmt.Errorf("%s %s:%s: %s", what, file, m[1], inOurWords(m[2])))
	}
	return errors.Join(mistakes...)
}

func inOurWords(text string) string {
	if m := yamlUnknown.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("unknown key %.100q", m[1])
	}
	if m := yamlType.FindStringSubmatch(text); m != nil {
		if want := kindOfType(m[2]); want != "" {
			return "want " + want + ", not " + kindOfTag(m[1])
		}
		return "cannot be " + kindOfTag(m[1])
	}
	return yamlValue.ReplaceAllString(text, "a value")
}

// kindOfType names what can be read into a Go type. It is empty for one of a library's inside, whose name says nothing.
func kindOfType(t string) string {
	switch {
	case t == "bool":
		return "true or false"
	case t == "time.Duration", t == "model.Duration":
		return "a duration, such as 30s"
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "uint"):
		return "a whole number"
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case t == "string":
		return "text"
	case strings.HasPrefix(t, "map["), strings.HasPrefix(t, "web."):
		return "a mapping"
	}
	return ""
}

// kindOfTag names what a tag of YAML stands for.
func kindOfTag(tag string) string {
	switch tag {
	case "map":
		return "a mapping"
	case "seq":
		return "a list"
	case "int", "float":
		return "a number"
	case "bool":
		return "true or false"
	}
	return "text"
}

// withoutValues takes out of an error of a YAML package what it shows of the file.
func withoutValues(err error) error {
	if err == nil || !strings.Contains(err.Error(), "`") {
		return err
	}
	return errors.New(yamlValue.ReplaceAllString(err.Error(), "a value"))
}

// atUser returns file and line of the first user of a web configuration without a hash, and the name, as far as they are
// found.
func atUser(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return file
	}
	var c struct {
		Users yaml.Node `yaml:"basic_auth_users"`
	}
	if yaml.Unmarshal(data, &c) != nil || c.Users.Kind != yaml.MappingNode {
		return file
	}
	for i := 0; i+1 < len(c.Users.Content); i += 2 {
		name, hash := c.Users.Content[i], c.Users.Content[i+1]
		if _, err := bcrypt.Cost([]byte(hash.Value)); err != nil {
			return fmt.Sprintf("%s:%d: basic_auth_users.%s", file, hash.Line, name.Value)
		}
	}
	return file
}
