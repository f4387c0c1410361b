module github.com/healthcheck-exporter/healthcheck_exporter/tools/mutate

go 1.26.0
