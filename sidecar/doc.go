// Package sidecar runs beside an application and does for it what the SDK does for a program in Go:
// it keeps a session alive for as long as the application lives, serves the REST API to it on this
// machine, takes locks and leads elections in its name, and tells it of every loss.
//
// [Run] is all of it. An application has one life after the other: one begins when the
// application is found to live, and ends when it is gone or the sidecar stops. Each life has a
// session of its own, so that its end releases all that was held in it.
package sidecar
