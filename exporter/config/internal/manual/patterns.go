package manual

// What a text may be as regular expressions of those that all dialects know. A "$" before "${" makes a text of it.
const (
	name            = `[a-zA-Z_][a-zA-Z0-9_]*`
	reference       = `\$\{(?:` + name + `(?::-(?:[^$}]|\$+[^${}])*\$*)?|file:[^}]+|target\.(?:address|host|port|labels\.` + name + `)|step\.` + name + `)\}`
	noReference     = `[^$]|\$+[^${]|\$\$+\{`
	wellFormed      = `^(?:` + noReference + `|` + reference + `)*\$*$`
	withReference   = `^(?:` + noReference + `)*` + reference + `(?:` + noReference + `|` + reference + `)*\$*$`
	duration        = `^\+?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$|^\+?0$|^(?:[0-9]+y)?(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?$`
	moment          = `^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.,][0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$`
	referenceAdvice = "A reference is ${NAME}, ${NAME:-default} or ${file:path}; $${ is a literal ${."
)
