// Package operator has the operators of ai.onnx that the Go engine runs: a kernel each,
// in one file with its kin, and a line of one table.
package operator
