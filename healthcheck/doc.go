// Package healthcheck runs health checks on their own schedule and keeps the last outcome of each.
//
// There are two ways in. The modern one is values and contexts: put [Check] values into a [Registry], let a
// [Runner] run them, and read the registry with [Registry.Snapshot], [StatusHandler], or the collector package,
// which turns it into Prometheus metrics. The compatible one is the package-level functions of the agent SDK's
// healthcheck package ([RegisterHealthcheck], [StartPeriodicHealthCheck], [NewServer], ...), with the same
// signatures and the same JSON; they work on one registry, which [Default] returns. [AdoptInto], [AdoptCheck] and
// [AdoptStatus] join it, or any other, with the SDK's own registry in the same process.
//
// Reading never runs a check, and no lock is held while a check runs: a check that hangs, is slow or panics
// delays neither another check nor a reader.
package healthcheck
