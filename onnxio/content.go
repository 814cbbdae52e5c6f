package onnxio

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"strings"
)

// A content is the hash in the names of data files, written to in order. A file is
// cut into pieces of contentPiece bytes; each gets the GHASH of NIST SP 800-38D, with
// a key that everybody knows, and the SHA-256 of these is the hash. Files that differ
// by accident, damaged ones included, agree in the GHASH of a piece with a probability
// of 2^-112 at most, and processors work it out several times as fast as a hash that
// withstands those who look for such files. Nothing here needs the latter: who can
// change the data can change the name in the model.
type content struct {
	ghash  cipher.AEAD
	pieces hash.Hash
	began  []byte // of a piece that is not whole yet
}

const (
	contentPiece   = 1 << 20
	contentLetters = 26 // 128 bits
)

// letters are those of base32 in lower case, so that a name of this kind is no
// hexadecimal hash of another tool.
const letters = "abcdefghijklmnopqrstuvwxyz234567"

func newContent() *content {
	key := sha256.Sum256([]byte("repmlp external data"))
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic(err) // the length of the key is right
	}
	ghash, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block size is right
	}
	return &content{ghash: ghash, pieces: sha256.New()}
}

// Write adds bytes. It never fails.
func (c *content) Write(b []byte) (int, error) {
	n := len(b)
	if len(c.began) > 0 {
		k := min(len(b), contentPiece-len(c.began))
		c.began, b = append(c.began, b[:k]...), b[k:]
		if len(c.began) == contentPiece {
			c.piece(c.began)
			c.began = c.began[:0]
		}
	}
	for ; len(b) >= contentPiece; b = b[contentPiece:] {
		c.piece(b[:contentPiece])
	}
	c.began = append(c.began, b...)
	return n, nil
}

// piece adds a whole piece, or the rest at the end of the file.
func (c *content) piece(b []byte) {
	var nonce [12]byte
	var tag [16]byte
	c.pieces.Write(c.ghash.Seal(tag[:0], nonce[:], nil, b))
}

// name is the hash of what was written, in the letters of file names. Nothing is
// written afterwards.
func (c *content) name() string {
	if len(c.began) > 0 {
		c.piece(c.began)
	}
	return base32.NewEncoding(letters).WithPadding(base32.NoPadding).EncodeToString(c.pieces.Sum(nil)[:16])
}

// isContent reports whether s is a hash as name writes it.
func isContent(s string) bool { return len(s) == contentLetters && strings.Trim(s, letters) == "" }
