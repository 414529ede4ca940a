//go:build race

package store_test

// raced says that the race detector is on, under which reading JSON byte by byte takes thirty times as long.
const raced = true
