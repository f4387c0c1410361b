FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
ARG REVISION=unknown
RUN CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X github.com/prometheus/common/version.Version=${VERSION} -X github.com/prometheus/common/version.Revision=${REVISION}" \
    -o /healthcheck_exporter ./cmd/healthcheck_exporter

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /healthcheck_exporter /healthcheck_exporter
# nobody; there is no /etc/passwd to look a name up in
USER 65534:65534
EXPOSE 8989
# Whether the exporter works, not whether what it checks does. It sees flags that are given as variables; those of the
# command line are for --health-cmd, where they change the port.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/healthcheck_exporter", "healthy"]
ENTRYPOINT ["/healthcheck_exporter"]
