#include "textflag.h"

// ROWS adds two rows of a, numbers i and j of its column at SI, times the row of
// b in b0 and b1.
#define ROWS(size, BROADCAST, FMA, i, j, b0, b1, x, y, c0, c1, c2, c3) \
	BROADCAST (i*size)(SI), x; \
	BROADCAST (j*size)(SI), y; \
	FMA b0, x, c0; \
	FMA b1, x, c1; \
	FMA b0, y, c2; \
	FMA b1, y, c3

// A tile: k in CX, a in SI, b in DI, c in DX with rows R8 bytes apart, R9 not
// zero to add to it.
#define TILE(size, XOR, MOV, BROADCAST, FMA, ADD) \
	XOR Y4, Y4, Y4; \
	XOR Y5, Y5, Y5; \
	XOR Y6, Y6, Y6; \
	XOR Y7, Y7, Y7; \
	XOR Y8, Y8, Y8; \
	XOR Y9, Y9, Y9; \
	XOR Y10, Y10, Y10; \
	XOR Y11, Y11, Y11; \
	XOR Y12, Y12, Y12; \
	XOR Y13, Y13, Y13; \
	XOR Y14, Y14, Y14; \
	XOR Y15, Y15, Y15; \
loop: \
	MOV (DI), Y0; \
	MOV 32(DI), Y1; \
	ROWS(size, BROADCAST, FMA, 0, 1, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7); \
	ROWS(size, BROADCAST, FMA, 2, 3, Y0, Y1, Y2, Y3, Y8, Y9, Y10, Y11); \
	ROWS(size, BROADCAST, FMA, 4, 5, Y0, Y1, Y2, Y3, Y12, Y13, Y14, Y15); \
	ADDQ $64, DI; \
	ADDQ $(6*size), SI; \
	DECQ CX; \
	JNZ loop; \
	TESTQ R9, R9; \
	JZ store; \
	MOVQ DX, R10; \
	ADD (R10), Y4, Y4; \
	ADD 32(R10), Y5, Y5; \
	ADDQ R8, R10; \
	ADD (R10), Y6, Y6; \
	ADD 32(R10), Y7, Y7; \
	ADDQ R8, R10; \
	ADD (R10), Y8, Y8; \
	ADD 32(R10), Y9, Y9; \
	ADDQ R8, R10; \
	ADD (R10), Y10, Y10; \
	ADD 32(R10), Y11, Y11; \
	ADDQ R8, R10; \
	ADD (R10), Y12, Y12; \
	ADD 32(R10), Y13, Y13; \
	ADDQ R8, R10; \
	ADD (R10), Y14, Y14; \
	ADD 32(R10), Y15, Y15; \
store: \
	MOV Y4, (DX); \
	MOV Y5, 32(DX); \
	ADDQ R8, DX; \
	MOV Y6, (DX); \
	MOV Y7, 32(DX); \
	ADDQ R8, DX; \
	MOV Y8, (DX); \
	MOV Y9, 32(DX); \
	ADDQ R8, DX; \
	MOV Y10, (DX); \
	MOV Y11, 32(DX); \
	ADDQ R8, DX; \
	MOV Y12, (DX); \
	MOV Y13, 32(DX); \
	ADDQ R8, DX; \
	MOV Y14, (DX); \
	MOV Y15, 32(DX); \
	VZEROUPPER; \
	RET

// The same twice as high and wide.
#define WIDE(size, XOR, MOV, BROADCAST, FMA, ADD) \
	XOR Z4, Z4, Z4; \
	XOR Z5, Z5, Z5; \
	XOR Z6, Z6, Z6; \
	XOR Z7, Z7, Z7; \
	XOR Z8, Z8, Z8; \
	XOR Z9, Z9, Z9; \
	XOR Z10, Z10, Z10; \
	XOR Z11, Z11, Z11; \
	XOR Z12, Z12, Z12; \
	XOR Z13, Z13, Z13; \
	XOR Z14, Z14, Z14; \
	XOR Z15, Z15, Z15; \
	XOR Z16, Z16, Z16; \
	XOR Z17, Z17, Z17; \
	XOR Z18, Z18, Z18; \
	XOR Z19, Z19, Z19; \
	XOR Z20, Z20, Z20; \
	XOR Z21, Z21, Z21; \
	XOR Z22, Z22, Z22; \
	XOR Z23, Z23, Z23; \
	XOR Z24, Z24, Z24; \
	XOR Z25, Z25, Z25; \
	XOR Z26, Z26, Z26; \
	XOR Z27, Z27, Z27; \
loop: \
	MOV (DI), Z0; \
	MOV 64(DI), Z1; \
	ROWS(size, BROADCAST, FMA, 0, 1, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7); \
	ROWS(size, BROADCAST, FMA, 2, 3, Z0, Z1, Z2, Z3, Z8, Z9, Z10, Z11); \
	ROWS(size, BROADCAST, FMA, 4, 5, Z0, Z1, Z2, Z3, Z12, Z13, Z14, Z15); \
	ROWS(size, BROADCAST, FMA, 6, 7, Z0, Z1, Z2, Z3, Z16, Z17, Z18, Z19); \
	ROWS(size, BROADCAST, FMA, 8, 9, Z0, Z1, Z2, Z3, Z20, Z21, Z22, Z23); \
	ROWS(size, BROADCAST, FMA, 10, 11, Z0, Z1, Z2, Z3, Z24, Z25, Z26, Z27); \
	ADDQ $128, DI; \
	ADDQ $(12*size), SI; \
	DECQ CX; \
	JNZ loop; \
	TESTQ R9, R9; \
	JZ store; \
	MOVQ DX, R10; \
	ADD (R10), Z4, Z4; \
	ADD 64(R10), Z5, Z5; \
	ADDQ R8, R10; \
	ADD (R10), Z6, Z6; \
	ADD 64(R10), Z7, Z7; \
	ADDQ R8, R10; \
	ADD (R10), Z8, Z8; \
	ADD 64(R10), Z9, Z9; \
	ADDQ R8, R10; \
	ADD (R10), Z10, Z10; \
	ADD 64(R10), Z11, Z11; \
	ADDQ R8, R10; \
	ADD (R10), Z12, Z12; \
	ADD 64(R10), Z13, Z13; \
	ADDQ R8, R10; \
	ADD (R10), Z14, Z14; \
	ADD 64(R10), Z15, Z15; \
	ADDQ R8, R10; \
	ADD (R10), Z16, Z16; \
	ADD 64(R10), Z17, Z17; \
	ADDQ R8, R10; \
	ADD (R10), Z18, Z18; \
	ADD 64(R10), Z19, Z19; \
	ADDQ R8, R10; \
	ADD (R10), Z20, Z20; \
	ADD 64(R10), Z21, Z21; \
	ADDQ R8, R10; \
	ADD (R10), Z22, Z22; \
	ADD 64(R10), Z23, Z23; \
	ADDQ R8, R10; \
	ADD (R10), Z24, Z24; \
	ADD 64(R10), Z25, Z25; \
	ADDQ R8, R10; \
	ADD (R10), Z26, Z26; \
	ADD 64(R10), Z27, Z27; \
store: \
	MOV Z4, (DX); \
	MOV Z5, 64(DX); \
	ADDQ R8, DX; \
	MOV Z6, (DX); \
	MOV Z7, 64(DX); \
	ADDQ R8, DX; \
	MOV Z8, (DX); \
	MOV Z9, 64(DX); \
	ADDQ R8, DX; \
	MOV Z10, (DX); \
	MOV Z11, 64(DX); \
	ADDQ R8, DX; \
	MOV Z12, (DX); \
	MOV Z13, 64(DX); \
	ADDQ R8, DX; \
	MOV Z14, (DX); \
	MOV Z15, 64(DX); \
	ADDQ R8, DX; \
	MOV Z16, (DX); \
	MOV Z17, 64(DX); \
	ADDQ R8, DX; \
	MOV Z18, (DX); \
	MOV Z19, 64(DX); \
	ADDQ R8, DX; \
	MOV Z20, (DX); \
	MOV Z21, 64(DX); \
	ADDQ R8, DX; \
	MOV Z22, (DX); \
	MOV Z23, 64(DX); \
	ADDQ R8, DX; \
	MOV Z24, (DX); \
	MOV Z25, 64(DX); \
	ADDQ R8, DX; \
	MOV Z26, (DX); \
	MOV Z27, 64(DX); \
	VZEROUPPER; \
	RET

// func tile32(k int, a, b, c *float32, ldc, add int)
TEXT ·tile32(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVQ ldc+32(FP), R8
	SHLQ $2, R8
	MOVQ add+40(FP), R9
	TILE(4, VXORPS, VMOVUPS, VBROADCASTSS, VFMADD231PS, VADDPS)

// func tile64(k int, a, b, c *float64, ldc, add int)
TEXT ·tile64(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVQ ldc+32(FP), R8
	SHLQ $3, R8
	MOVQ add+40(FP), R9
	TILE(8, VXORPD, VMOVUPD, VBROADCASTSD, VFMADD231PD, VADDPD)

// func wide32(k int, a, b, c *float32, ldc, add int)
TEXT ·wide32(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVQ ldc+32(FP), R8
	SHLQ $2, R8
	MOVQ add+40(FP), R9
	WIDE(4, VPXORQ, VMOVUPS, VBROADCASTSS, VFMADD231PS, VADDPS)

// func wide64(k int, a, b, c *float64, ldc, add int)
TEXT ·wide64(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVQ ldc+32(FP), R8
	SHLQ $3, R8
	MOVQ add+40(FP), R9
	WIDE(8, VPXORQ, VMOVUPD, VBROADCASTSD, VFMADD231PD, VADDPD)

// Converts 16 float32 numbers at SI to Y0 … Y3, under the mask Y8.
#define WIDEN16 \
	VCVTPS2PD 0(SI), Y0; \
	VANDPD Y8, Y0, Y0; \
	VCVTPS2PD 16(SI), Y1; \
	VANDPD Y8, Y1, Y1; \
	VCVTPS2PD 32(SI), Y2; \
	VANDPD Y8, Y2, Y2; \
	VCVTPS2PD 48(SI), Y3; \
	VANDPD Y8, Y3, Y3

// Adds 16 float64 numbers; x, the X half of a, gets the sum. Uses X0.
#define SUM16(a, b, c, d, x) \
	VADDPD b, a, a; \
	VADDPD d, c, c; \
	VADDPD c, a, a; \
	VEXTRACTF128 $1, a, X0; \
	VADDPD X0, x, x; \
	VUNPCKHPD x, x, X0; \
	VADDSD X0, x, x

// func dots16(n int, w *float32, x, y *float64, mask uint64) (sumX, sumY float64)
TEXT ·dots16(SB), NOSPLIT, $0-56
	MOVQ n+0(FP), CX
	MOVQ w+8(FP), SI
	MOVQ x+16(FP), DI
	MOVQ y+24(FP), DX
	VXORPD Y4, Y4, Y4
	VXORPD Y5, Y5, Y5
	VXORPD Y6, Y6, Y6
	VXORPD Y7, Y7, Y7
	VXORPD Y9, Y9, Y9
	VXORPD Y10, Y10, Y10
	VXORPD Y11, Y11, Y11
	VXORPD Y12, Y12, Y12
	VBROADCASTSD mask+32(FP), Y8
dots16loop:
	WIDEN16
	VFMADD231PD 0(DI), Y0, Y4
	VFMADD231PD 32(DI), Y1, Y5
	VFMADD231PD 64(DI), Y2, Y6
	VFMADD231PD 96(DI), Y3, Y7
	VFMADD231PD 0(DX), Y0, Y9
	VFMADD231PD 32(DX), Y1, Y10
	VFMADD231PD 64(DX), Y2, Y11
	VFMADD231PD 96(DX), Y3, Y12
	ADDQ $64, SI
	ADDQ $128, DI
	ADDQ $128, DX
	SUBQ $16, CX
	JNZ dots16loop
	SUM16(Y4, Y5, Y6, Y7, X4)
	VMOVSD X4, sumX+40(FP)
	SUM16(Y9, Y10, Y11, Y12, X9)
	VMOVSD X9, sumY+48(FP)
	VZEROUPPER
	RET

// func axpys16(n int, alpha, beta float64, w *float32, y, z *float64, mask uint64)
TEXT ·axpys16(SB), NOSPLIT, $0-56
	MOVQ n+0(FP), CX
	VBROADCASTSD alpha+8(FP), Y9
	VBROADCASTSD beta+16(FP), Y10
	MOVQ w+24(FP), SI
	MOVQ y+32(FP), DI
	MOVQ z+40(FP), DX
	VBROADCASTSD mask+48(FP), Y8
axpys16loop:
	WIDEN16
	VMOVUPD 0(DI), Y4
	VMOVUPD 32(DI), Y5
	VMOVUPD 64(DI), Y6
	VMOVUPD 96(DI), Y7
	VFMADD231PD Y0, Y9, Y4
	VFMADD231PD Y1, Y9, Y5
	VFMADD231PD Y2, Y9, Y6
	VFMADD231PD Y3, Y9, Y7
	VMOVUPD Y4, 0(DI)
	VMOVUPD Y5, 32(DI)
	VMOVUPD Y6, 64(DI)
	VMOVUPD Y7, 96(DI)
	VMOVUPD 0(DX), Y4
	VMOVUPD 32(DX), Y5
	VMOVUPD 64(DX), Y6
	VMOVUPD 96(DX), Y7
	VFMADD231PD Y0, Y10, Y4
	VFMADD231PD Y1, Y10, Y5
	VFMADD231PD Y2, Y10, Y6
	VFMADD231PD Y3, Y10, Y7
	VMOVUPD Y4, 0(DX)
	VMOVUPD Y5, 32(DX)
	VMOVUPD Y6, 64(DX)
	VMOVUPD Y7, 96(DX)
	ADDQ $64, SI
	ADDQ $128, DI
	ADDQ $128, DX
	SUBQ $16, CX
	JNZ axpys16loop
	VZEROUPPER
	RET

// Adds the eight lanes of a to their sum in the low lane of its X half.
#define LANES(a, x, t) \
	VEXTRACTF128 $1, a, t; \
	VADDPS t, x, x; \
	VMOVHLPS x, x, t; \
	VADDPS t, x, x; \
	VMOVSHDUP x, t; \
	VADDSS t, x, x

// func rows32(n int, w, x0, x1, x2, x3 *float32) (y0, y1, y2, y3 float32)
TEXT ·rows32(SB), NOSPLIT, $0-64
	MOVQ n+0(FP), CX
	MOVQ w+8(FP), SI
	MOVQ x0+16(FP), R8
	MOVQ x1+24(FP), R9
	MOVQ x2+32(FP), R10
	MOVQ x3+40(FP), R11
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	XORQ AX, AX
rows32loop:
	VMOVUPS (SI)(AX*1), Y0
	VMOVUPS 32(SI)(AX*1), Y1
	VFMADD231PS (R8)(AX*1), Y0, Y4
	VFMADD231PS 32(R8)(AX*1), Y1, Y5
	VFMADD231PS (R9)(AX*1), Y0, Y6
	VFMADD231PS 32(R9)(AX*1), Y1, Y7
	VFMADD231PS (R10)(AX*1), Y0, Y8
	VFMADD231PS 32(R10)(AX*1), Y1, Y9
	VFMADD231PS (R11)(AX*1), Y0, Y10
	VFMADD231PS 32(R11)(AX*1), Y1, Y11
	ADDQ $64, AX
	SUBQ $16, CX
	JNZ rows32loop
	VADDPS Y5, Y4, Y4
	VADDPS Y7, Y6, Y6
	VADDPS Y9, Y8, Y8
	VADDPS Y11, Y10, Y10
	LANES(Y4, X4, X0)
	LANES(Y6, X6, X0)
	LANES(Y8, X8, X0)
	LANES(Y10, X10, X0)
	VMOVSS X4, y0+48(FP)
	VMOVSS X6, y1+52(FP)
	VMOVSS X8, y2+56(FP)
	VMOVSS X10, y3+60(FP)
	VZEROUPPER
	RET

// func turn32(n int, p, q, s, t, to *float32, step int)
TEXT ·turn32(SB), NOSPLIT, $0-56
	MOVQ n+0(FP), CX
	MOVQ p+8(FP), R8
	MOVQ q+16(FP), R9
	MOVQ s+24(FP), R10
	MOVQ t+32(FP), R11
	MOVQ to+40(FP), DI
	MOVQ step+48(FP), DX
	SHLQ $2, DX
	LEAQ (DX)(DX*2), R12
	LEAQ (DI)(DX*4), SI
turn32loop:
	VMOVUPS (R8), Y0
	VMOVUPS (R9), Y1
	VMOVUPS (R10), Y2
	VMOVUPS (R11), Y3
	VUNPCKLPS Y1, Y0, Y4
	VUNPCKHPS Y1, Y0, Y5
	VUNPCKLPS Y3, Y2, Y6
	VUNPCKHPS Y3, Y2, Y7
	VUNPCKLPD Y6, Y4, Y0
	VUNPCKHPD Y6, Y4, Y1
	VUNPCKLPD Y7, Y5, Y2
	VUNPCKHPD Y7, Y5, Y3
	VMOVUPS X0, (DI)
	VMOVUPS X1, (DI)(DX*1)
	VMOVUPS X2, (DI)(DX*2)
	VMOVUPS X3, (DI)(R12*1)
	VEXTRACTF128 $1, Y0, (SI)
	VEXTRACTF128 $1, Y1, (SI)(DX*1)
	VEXTRACTF128 $1, Y2, (SI)(DX*2)
	VEXTRACTF128 $1, Y3, (SI)(R12*1)
	ADDQ $32, R8
	ADDQ $32, R9
	ADDQ $32, R10
	ADDQ $32, R11
	LEAQ (DI)(DX*8), DI
	LEAQ (SI)(DX*8), SI
	SUBQ $8, CX
	JNZ turn32loop
	VZEROUPPER
	RET

// func turn64(n int, p, q, s, t, to *float64, step int)
TEXT ·turn64(SB), NOSPLIT, $0-56
	MOVQ n+0(FP), CX
	MOVQ p+8(FP), R8
	MOVQ q+16(FP), R9
	MOVQ s+24(FP), R10
	MOVQ t+32(FP), R11
	MOVQ to+40(FP), DI
	MOVQ step+48(FP), DX
	SHLQ $3, DX
	LEAQ (DX)(DX*2), R12
turn64loop:
	VMOVUPD (R8), Y0
	VMOVUPD (R9), Y1
	VMOVUPD (R10), Y2
	VMOVUPD (R11), Y3
	VUNPCKLPD Y1, Y0, Y4
	VUNPCKHPD Y1, Y0, Y5
	VUNPCKLPD Y3, Y2, Y6
	VUNPCKHPD Y3, Y2, Y7
	VPERM2F128 $0x20, Y6, Y4, Y0
	VPERM2F128 $0x20, Y7, Y5, Y1
	VPERM2F128 $0x31, Y6, Y4, Y2
	VPERM2F128 $0x31, Y7, Y5, Y3
	VMOVUPD Y0, (DI)
	VMOVUPD Y1, (DI)(DX*1)
	VMOVUPD Y2, (DI)(DX*2)
	VMOVUPD Y3, (DI)(R12*1)
	ADDQ $32, R8
	ADDQ $32, R9
	ADDQ $32, R10
	ADDQ $32, R11
	LEAQ (DI)(DX*4), DI
	SUBQ $4, CX
	JNZ turn64loop
	VZEROUPPER
	RET
