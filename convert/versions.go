package convert

import (
	"fmt"

	"repmlp/onnxio"
)

// versionNotes warns of a file that is newer than what is known here. Its operators
// are taken for what they were; one that came later is unknown and stays.
func versionNotes(m *onnxio.Model) []Warning {
	var notes []Warning
	if m.IRVersion() > onnxio.NewestIR {
		notes = append(notes, Warning{Code: "newer_ir_version", Message: fmt.Sprintf("the file has IR version %d, the newest that is known here is %d; parts that came later are copied as they are", m.IRVersion(), onnxio.NewestIR)})
	}
	if v := m.Opset(""); v > onnxio.NewestOpset {
		notes = append(notes, Warning{Code: "newer_opset", Message: fmt.Sprintf("the file has opset %d, the newest that is known here is %d; operators that came later stay, older ones are taken for what they were in opset %d", v, onnxio.NewestOpset, onnxio.NewestOpset)})
	}
	return notes
}
