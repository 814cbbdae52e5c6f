// Package storage keeps slices of floats that are used again.
package storage
