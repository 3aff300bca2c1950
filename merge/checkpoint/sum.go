package checkpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
)

// A Sum is the CRC-32 of some bytes, zlib's, which costs next to nothing beside
// reading them. Changes within 32 bits in a row never keep it, and others do once
// in four billion. It is no defence against somebody who wants it kept.
type Sum uint32

// And returns the sum of the bytes of s and those of p behind them.
func (s Sum) And(p []byte) Sum { return Sum(crc32.Update(uint32(s), crc32.IEEETable, p)) }

// Then returns the sum of the bytes of s and, behind them, n others of which t is
// the sum.
//
// Bytes are a polynomial over GF(2) and their CRC is its remainder, so that n bytes
// more multiply it by x^8n before those are added (the conditioning of zlib's CRC
// cancels out).
func (s Sum) Then(t Sum, n int64) Sum {
	shift, square := uint32(1)<<31, uint32(1)<<23 // x^0, x^8; the highest power is the lowest bit
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			shift = product(shift, square)
		}
		square = product(square, square)
	}
	return Sum(product(uint32(s), shift)) ^ t
}

// product returns a times b modulo CRC-32's polynomial.
func product(a, b uint32) uint32 {
	var p uint32
	for ; a != 0; a <<= 1 {
		if a&(1<<31) != 0 {
			p ^= b
		}
		carry := b & 1
		b >>= 1
		if carry == 1 {
			b ^= crc32.IEEE
		}
	}
	return p
}

// SumOf returns the sum of a tensor's bytes. Read, which may be nil, is told how
// many were read.
func (f *File) SumOf(ctx context.Context, t Tensor, buffer []byte, read func(n int64)) (Sum, error) {
	var sum Sum
	for at, size := int64(0), t.Bytes(); at < size; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		b := buffer[:min(int64(len(buffer)), size-at)]
		if err := f.ReadBytes(b, t, at); err != nil {
			return 0, err
		}
		sum = sum.And(b)
		at += int64(len(b))
		if read != nil {
			read(int64(len(b)))
		}
	}
	return sum, nil
}

// Content returns a digest of everything that the file's tensors are: names,
// formats, shapes and bytes. Those whose sums are known, by name, are not read.
func (f *File) Content(ctx context.Context, known map[string]Sum, read func(n int64)) (string, error) {
	h := sha256.New()
	buffer := make([]byte, readSize)
	for _, t := range f.Tensors() {
		sum, ok := known[t.Name]
		if !ok {
			var err error
			if sum, err = f.SumOf(ctx, t, buffer, read); err != nil {
				return "", err
			}
		}
		fmt.Fprintf(h, "%q %s %v %08x\n", t.Name, t.DType, t.Shape, uint32(sum))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// A sample is so many stretches of so many bytes.
const samples, sampleSize = 64, 4096

// Sample returns a digest of some of the bytes of the tensors, here and there in the
// file. It takes a moment, and tells models apart that were trained apart; that it is
// the same does not mean that all bytes are.
func (f *File) Sample() (string, error) {
	var total int64
	for _, t := range f.Tensors() {
		total += t.Bytes()
	}
	h := sha256.New()
	buffer := make([]byte, sampleSize)
	i, before := int64(0), int64(0) // the sample, and the bytes of the tensors before
	for _, t := range f.Tensors() {
		size := t.Bytes()
		for ; i < samples; i++ {
			at := total/samples*i - before
			if at >= size {
				break
			}
			b := buffer[:min(sampleSize, size-at)]
			if err := f.ReadBytes(b, t, at); err != nil {
				return "", err
			}
			h.Write(b)
		}
		before += size
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
