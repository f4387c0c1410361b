package kuma

import (
	"slices"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// pageKeys say where and how a monitor is shown, or what came of it.
var pageKeys = []string{
	"id", "user_id", "userId", "weight", "path", "pathName", "childrenIDs", "forceInactive", "maintenance", "screenshot",
	"dns_last_result", "includeSensitiveData", "created_date", "pushToken", "location", "protocol_version",
}

// typeKeys are settings of some types of monitors. All monitors have them, with values that mean something to those types
// only.
var typeKeys = []string{
	"url", "method", "hostname", "port", "keyword", "invertKeyword", "expiryNotification", "ignoreTls", "maxredirects",
	"accepted_statuscodes", "headers", "body", "httpBodyEncoding", "jsonPath", "jsonPathOperator", "expectedValue", "proxyId", "cacheBust", "ipFamily",
	"authMethod", "basic_auth_user", "basic_auth_pass", "authWorkstation", "authDomain", "oauth_client_id", "oauth_client_secret",
	"oauth_token_url", "oauth_scopes", "oauth_audience", "oauth_auth_method", "tlsCa", "tlsCert", "tlsKey",
	"dns_resolve_type", "dns_resolve_server", "packetSize", "ping_numeric", "ping_count", "ping_per_request_timeout",
	"docker_container", "docker_host", "databaseConnectionString", "databaseQuery",
	"mqttTopic", "mqttSuccessMessage", "mqttCheckType", "mqttUsername", "mqttPassword", "mqttWebsocketPath",
	"grpcUrl", "grpcProtobuf", "grpcMethod", "grpcServiceName", "grpcEnableTls", "grpcBody", "grpcMetadata",
	"radiusUsername", "radiusPassword", "radiusSecret", "radiusCalledStationId", "radiusCallingStationId",
	"game", "gamedigGivenPortOnly", "kafkaProducerTopic", "kafkaProducerBrokers", "kafkaProducerSsl",
	"kafkaProducerAllowAutoTopicCreation", "kafkaProducerMessage", "kafkaProducerSaslOptions",
	"rabbitmqNodes", "rabbitmqUsername", "rabbitmqPassword", "remote_browser", "snmpOid", "snmpVersion", "snmpV3Username",
	"smtpSecurity", "wsIgnoreSecWebsocketAcceptHeader", "wsSubprotocol", "subtype", "system_service_name", "manual_status",
}

// leave ignores the keys that are known and say nothing: a monitor has those of all types.
func (m *monitor) leave() {
	m.node.IgnoreKeys("it is about the page or the history", pageKeys...)
	m.node.IgnoreKeys("notifications are sent by Alertmanager", "notificationIDList", "resendInterval")
	if m.kind == "http" || m.kind == "keyword" || m.kind == "json-query" {
		m.node.IgnoreKeys("the shipped alert rules tell of certificates before they expire", "expiryNotification")
	}
	if told, _ := m.node.Bool("domainExpiryNotification"); told {
		m.node.Get("domainExpiryNotification").Refuse("when a domain expires is not known here")
	}
	if only, _ := m.node.Bool("retryOnlyOnStatusCodeFailure"); only {
		m.node.Get("retryOnlyOnStatusCodeFailure").Refuse("all failures count alike")
	}
	for _, part := range m.node.Parts() {
		if part.Fate() == tree.Unseen && part.Kind != tree.Null && (empty(part) || slices.Contains(typeKeys, part.Key())) {
			part.Ignore("monitors of the type %s do not look at it", m.kind)
		}
	}
}

// empty reports whether a value is the same as none.
func empty(n *tree.Node) bool {
	if n.Kind == tree.List || n.Kind == tree.Map {
		return len(n.Parts()) == 0
	}
	text := n.PeekSelf()
	return text == "" || text == "false" || text == "0"
}
