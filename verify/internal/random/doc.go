// Package random makes streams of random numbers that depend on a seed and a name.
package random
