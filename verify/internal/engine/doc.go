// Package engine runs graphs with the operators of package operator.
package engine
