package kubernetes

import "testing"

// UseServiceAccount makes dir what a pod has its token in.
func UseServiceAccount(t testing.TB, dir string) {
	before := serviceAccount
	serviceAccount = dir
	t.Cleanup(func() { serviceAccount = before })
}
