// Examples for agents that are built on the agent SDK, in a module of their own: nothing else here needs the SDK or its
// 96 modules. There is no go.sum, which would be as long as the SDK's and ours together: .ci/agent-sdk makes it.
module example.org/agent

go 1.26.0

require (
	github.com/Axway/agent-sdk v1.1.68
	github.com/healthcheck-exporter/healthcheck_exporter v0.0.0
	github.com/stretchr/testify v1.12.1
)

replace github.com/healthcheck-exporter/healthcheck_exporter => ../../..

// As the SDK has them.
replace (
	github.com/Shopify/sarama => github.com/elastic/sarama v1.19.1-0.20210823122811-11c3ef800752
	github.com/getkin/kin-openapi => github.com/getkin/kin-openapi v0.67.0
)

// A module far below the SDK asks for a version of Prometheus from before modules, which counts as newer than those of now
// and lacks the packages that the exporter needs. Whoever has it among the modules of a program excludes it.
exclude github.com/prometheus/prometheus v2.5.0+incompatible
