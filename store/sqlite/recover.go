package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
)

// PageSize is the page size of all files of this package, in bytes. It is SQLite's default.
const PageSize = 4096

// RecoverRows recovers rows of a corrupt file without the indexes and inner pages that lead to them. It reads every
// page of the file and of its write-ahead log that may be the leaf of a table (SQLite documentation, "Database File
// Format", 1.6, 2.1 and 4.1). If wanted returns true for the rowid of a row, RecoverRows calls found with the columns
// of the row. A column is nil, an int64, a float64, a string or a []byte.
//
// The caller must check each row. It may belong to any table, be garbage, have been deleted long ago, or be found more
// than once. RecoverRows fails if the file cannot be read.
func RecoverRows(path string, wanted func(rowid int64) bool, found func(rowid int64, columns []any)) error {
	r := &corruptFile{frames: map[uint32]int64{}}
	var err error
	if r.file, err = os.Open(path); err != nil {
		return err
	}
	defer r.file.Close()
	if r.log, err = os.Open(path + "-wal"); err == nil {
		defer r.log.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	logged := r.readLog()
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.size = uint64(info.Size()) + uint64(len(logged))*PageSize
	page := make([]byte, PageSize)
	// the first page is the schema's
	for offset := int64(PageSize); readPage(r.file, offset, page); offset += PageSize {
		r.rowsOf(page, wanted, found)
	}
	for _, offset := range logged {
		if readPage(r.log, offset, page) {
			r.rowsOf(page, wanted, found)
		}
	}
	return nil
}

// corruptFile is a corrupt file and its write-ahead log.
type corruptFile struct {
	file, log *os.File
	frames    map[uint32]int64 // offset of the last version of each page in the log
	size      uint64           // total size of both; no row can be larger
}

const walHeader, frameHeader = 32, 24

// readLog returns the offsets of the pages in the log. Frames with another salt than the log's are left over from an
// earlier log and are skipped.
func (r *corruptFile) readLog() (offsets []int64) {
	var log [walHeader]byte
	var frame [frameHeader]byte
	if r.log == nil {
		return nil
	}
	if _, err := r.log.ReadAt(log[:], 0); err != nil {
		return nil
	}
	for offset := int64(walHeader); ; offset += frameHeader + PageSize {
		if _, err := r.log.ReadAt(frame[:], offset); err != nil {
			return offsets
		}
		if bytes.Equal(frame[8:16], log[16:24]) {
			r.frames[binary.BigEndian.Uint32(frame[:])] = offset + frameHeader
			offsets = append(offsets, offset+frameHeader)
		}
	}
}

// page reads a page by its number. Numbers begin at 1.
func (r *corruptFile) page(number uint32, page []byte) bool {
	if offset, ok := r.frames[number]; ok {
		return readPage(r.log, offset, page)
	}
	return number > 0 && readPage(r.file, int64(number-1)*PageSize, page)
}

func readPage(f io.ReaderAt, offset int64, page []byte) bool {
	n, _ := f.ReadAt(page, offset)
	return n == PageSize
}

const (
	tableLeaf  = 0x0d
	leafHeader = 8
	// maxColumns is far more than any of gfxsync's tables has.
	maxColumns = 100
)

// rowsOf reads the rows of a page if it is the leaf of a table. It skips rows that are not well-formed.
func (r *corruptFile) rowsOf(page []byte, wanted func(int64) bool, found func(int64, []any)) {
	if page[0] != tableLeaf {
		return
	}
	cells := int(binary.BigEndian.Uint16(page[3:]))
	var used uint64
	for i := range min(cells, (PageSize-leafHeader)/2) {
		cell := page[min(int(binary.BigEndian.Uint16(page[leafHeader+2*i:])), PageSize):]
		size, cell, _ := varint(cell)
		rowid, cell, ok := varint(cell)
		local := localOf(size)
		if !ok || size > r.size || local > uint64(len(cell)) || !wanted(int64(rowid)) {
			continue
		}
		if used += local; used > PageSize {
			return // the cells overlap, so the page is garbage, and reading all cells could take very long
		}
		if payload, ok := r.payloadOf(size, local, cell); ok {
			if columns, ok := columnsOf(payload); ok {
				found(int64(rowid), columns)
			}
		}
	}
}

// localOf returns how many bytes of a row are in its leaf, given the size of the row ("Database File Format", 1.6:
// "Cell payload overflow").
func localOf(size uint64) uint64 {
	const most, least = PageSize - 35, (PageSize-12)*32/255 - 23
	if size <= most {
		return size
	}
	if local := least + (size-least)%(PageSize-4); local <= most {
		return local
	}
	return least
}

// payloadOf returns the bytes of a row. The part that is not in the leaf is in a chain of overflow pages.
func (r *corruptFile) payloadOf(size, local uint64, cell []byte) ([]byte, bool) {
	payload, rest := append([]byte(nil), cell[:local]...), cell[local:]
	if size == local {
		return payload, true
	}
	if len(rest) < 4 {
		return nil, false
	}
	next := binary.BigEndian.Uint32(rest)
	for page := make([]byte, PageSize); uint64(len(payload)) < size; next = binary.BigEndian.Uint32(page) {
		if !r.page(next, page) {
			return nil, false
		}
		payload = append(payload, page[4:min(PageSize, 4+size-uint64(len(payload)))]...)
	}
	return payload, true
}

// columnsOf decodes the columns of a row ("Database File Format", 2.1).
func columnsOf(payload []byte) (columns []any, ok bool) {
	size, types, ok := varint(payload)
	begin := len(payload) - len(types)
	if !ok || size < uint64(begin) || size > uint64(len(payload)) {
		return nil, false
	}
	types, body := payload[begin:size], payload[size:]
	for len(types) > 0 {
		var kind uint64
		if kind, types, ok = varint(types); !ok || len(columns) == maxColumns {
			return nil, false
		}
		value, n, ok := valueOf(kind, body)
		if !ok {
			return nil, false
		}
		columns, body = append(columns, value), body[n:]
	}
	return columns, true
}

// valueOf decodes the value at the beginning of body, given its serial type. It returns the number of bytes it takes.
func valueOf(kind uint64, body []byte) (value any, n int, ok bool) {
	switch {
	case kind == 0:
		return nil, 0, true
	case kind == 8 || kind == 9:
		return int64(kind - 8), 0, true
	case kind < 8:
		n = []int{0, 1, 2, 3, 4, 6, 8, 8}[kind]
	case kind >= 12 && (kind-12)/2 <= uint64(len(body)):
		n = int((kind - 12) / 2)
	default:
		return nil, 0, false
	}
	if n > len(body) {
		return nil, 0, false
	}
	body = body[:n]
	switch {
	case kind == 7:
		return math.Float64frombits(binary.BigEndian.Uint64(body)), n, true
	case kind < 7:
		return integer(body), n, true
	case kind%2 == 1:
		return string(body), n, true
	default:
		return bytes.Clone(body), n, true
	}
}

// integer decodes a big-endian number in two's complement of one to eight bytes.
func integer(b []byte) int64 {
	v := int64(int8(b[0]))
	for _, digit := range b[1:] {
		v = v<<8 | int64(digit)
	}
	return v
}

// varint decodes a variable-length integer of SQLite, of one to nine bytes. It returns the bytes that follow.
func varint(b []byte) (v uint64, rest []byte, ok bool) {
	for i := range min(len(b), 9) {
		if i == 8 {
			return v<<8 | uint64(b[i]), b[9:], true
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return v, b[i+1:], true
		}
	}
	return 0, nil, false
}
