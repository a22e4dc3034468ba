// Package deploy holds the tests of what stands in deploy/: the image is built and a member run
// from it, manifests are decoded and compared, packages are built and looked into, alerts and
// dashboard are held against the metrics of a real member. It has no code of its own.
package deploy
