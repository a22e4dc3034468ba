// Package fencesql shows the fences of package sdk/fence against real databases: a PostgreSQL that
// the tests start, and SQLite. It has no code of its own.
package fencesql
