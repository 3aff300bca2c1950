//go:build !purego

#include "textflag.h"

// func narrowF16AVX2(dst *byte, src *float32, eights int)
TEXT ·narrowF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ eights+16(FP), CX

loop:
	VMOVUPS   (SI), Y0
	VCVTPS2PH $0, Y0, X0 // to nearest, ties to even
	VMOVUPS   X0, (DI)
	ADDQ      $32, SI
	ADDQ      $16, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// BRAIN sets the upper half of each number of Y0 to those of bfloat16 nearest to it,
// and the lower half to anything. Y12 is one, Y13 0x7fff, Y14 all bits but the sign,
// Y15 infinity, Y11 the bit that keeps a NaN one.
#define BRAIN \
	VPSRLD    $16, Y0, Y1  \
	VPAND     Y12, Y1, Y1  \
	VPADDD    Y13, Y1, Y1  \
	VPADDD    Y0, Y1, Y1   \
	VPAND     Y14, Y0, Y2  \
	VPCMPGTD  Y15, Y2, Y2  \
	VPOR      Y11, Y0, Y3  \
	VPBLENDVB Y2, Y3, Y1, Y0

#define BRAINCONSTANTS \
	VPCMPEQD Y14, Y14, Y14 \
	VPSRLD   $31, Y14, Y12 \
	VPSRLD   $17, Y14, Y13 \
	VPSLLD   $22, Y12, Y11 \
	VPSRLD   $24, Y14, Y15 \
	VPSLLD   $23, Y15, Y15 \
	VPSRLD   $1, Y14, Y14

// func narrowBF16AVX2(dst *byte, src *float32, eights int)
TEXT ·narrowBF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ eights+16(FP), CX
	BRAINCONSTANTS

loop:
	VMOVUPS      (SI), Y0
	BRAIN
	VPSRLD       $16, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW    X1, X0, X0
	VMOVUPS      X0, (DI)
	ADDQ         $32, SI
	ADDQ         $16, DI
	DECQ         CX
	JNZ          loop
	VZEROUPPER
	RET

// func roundF16AVX2(x *float32, eights int)
TEXT ·roundF16AVX2(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ eights+8(FP), CX

loop:
	VMOVUPS   (SI), Y0
	VCVTPS2PH $0, Y0, X0
	VCVTPH2PS X0, Y0
	VMOVUPS   Y0, (SI)
	ADDQ      $32, SI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func roundBF16AVX2(x *float32, eights int)
TEXT ·roundBF16AVX2(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ eights+8(FP), CX
	BRAINCONSTANTS

loop:
	VMOVUPS (SI), Y0
	BRAIN
	VPSRLD  $16, Y0, Y0
	VPSLLD  $16, Y0, Y0
	VMOVUPS Y0, (SI)
	ADDQ    $32, SI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func widenBF16AVX2(dst *float32, src *byte, eights int)
TEXT ·widenBF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ eights+16(FP), CX

loop:
	VPMOVZXWD (SI), Y0
	VPSLLD    $16, Y0, Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func singleAVX2(dst *float32, src *float64, eights int)
TEXT ·singleAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ eights+16(FP), CX

loop:
	VMOVUPD    (SI), Y0
	VMOVUPD    32(SI), Y1
	VCVTPD2PSY Y0, X0
	VCVTPD2PSY Y1, X1
	VMOVUPS    X0, (DI)
	VMOVUPS    X1, 16(DI)
	ADDQ       $64, SI
	ADDQ       $32, DI
	DECQ       CX
	JNZ        loop
	VZEROUPPER
	RET

// func axpy64AVX2(dst *float64, x *float32, eights int, a float64)
TEXT ·axpy64AVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         eights+16(FP), CX
	VBROADCASTSD a+24(FP), Y0

loop:
	VCVTPS2PD (SI), Y1
	VCVTPS2PD 16(SI), Y2
	VMULPD    Y1, Y0, Y1
	VMULPD    Y2, Y0, Y2
	VMOVUPD   (DI), Y3
	VMOVUPD   32(DI), Y4
	VADDPD    Y3, Y1, Y1 // of two NaN the product, as in compiled Go
	VADDPD    Y4, Y2, Y2
	VMOVUPD   Y1, (DI)
	VMOVUPD   Y2, 32(DI)
	ADDQ      $32, SI
	ADDQ      $64, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func lerpAVX2(dst, x, y, from *float32, eights int, w float32)
TEXT ·lerpAVX2(SB), NOSPLIT, $0-44
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         y+16(FP), DX
	MOVQ         from+24(FP), R8
	MOVQ         eights+32(FP), CX
	VBROADCASTSS w+40(FP), Y0

loop:
	VMOVUPS     (DX), Y1
	VSUBPS      (SI), Y1, Y1
	VMOVUPS     (R8), Y2
	VFMADD231PS Y1, Y0, Y2
	VMOVUPS     Y2, (DI)
	ADDQ        $32, SI
	ADDQ        $32, DX
	ADDQ        $32, R8
	ADDQ        $32, DI
	DECQ        CX
	JNZ         loop
	VZEROUPPER
	RET

// func scaleAVX2(dst, x *float32, eights int, a float32)
TEXT ·scaleAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         eights+16(FP), CX
	VBROADCASTSS a+24(FP), Y0

loop:
	VMULPS  (SI), Y0, Y1
	VMOVUPS Y1, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func addAVX2(dst, x, y *float32, eights int)
TEXT ·addAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ eights+24(FP), CX

loop:
	VMOVUPS (SI), Y0
	VADDPS  (DX), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DX
	ADDQ    $32, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func infinite16AVX2(b *byte, sixteens int, exponents uint32) int
//
// Y0 counts, a 16-bit number for each of sixteen places, those with all exponent bits
// set.
TEXT ·infinite16AVX2(SB), NOSPLIT, $0-32
	MOVQ         b+0(FP), SI
	MOVQ         sixteens+8(FP), CX
	MOVL         exponents+16(FP), AX
	VMOVD        AX, X1
	VPBROADCASTD X1, Y1
	VPXOR        Y0, Y0, Y0

loop:
	VPAND    (SI), Y1, Y2
	VPCMPEQW Y1, Y2, Y2
	VPSUBW   Y2, Y0, Y0
	ADDQ     $32, SI
	DECQ     CX
	JNZ      loop

	VPCMPEQW     Y1, Y1, Y1
	VPSRLW       $15, Y1, Y1
	VPMADDWD     Y1, Y0, Y0 // pairs, in 32 bits
	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPHADDD      X0, X0, X0
	VPHADDD      X0, X0, X0
	VMOVD        X0, AX
	VZEROUPPER
	MOVQ         AX, ret+24(FP)
	RET

// func infinite32AVX2(b *byte, eights int) int
TEXT ·infinite32AVX2(SB), NOSPLIT, $0-24
	JMP ·infiniteAVX2(SB) // the same, of bytes

// func widenF32AVX2(dst *float32, src *byte, eights int)
TEXT ·widenF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ eights+16(FP), CX

loop:
	VMOVUPS (SI), Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func narrowF32AVX2(dst *byte, src *float32, eights int)
TEXT ·narrowF32AVX2(SB), NOSPLIT, $0-24
	JMP ·widenF32AVX2(SB) // bytes to bytes, either way
