package reconcile

import "sync/atomic"

// counters count what intake and delivery do. A pass is told by their difference between its beginning and its end; what an
// agent does beside a pass counts with it.
type counters struct {
	added, changed, gone, hashed, bytesHashed, uploaded atomic.Int64
}

type counts struct {
	added, changed, gone, hashed, bytesHashed, uploaded int64
}

func (c *counters) now() counts {
	return counts{
		added: c.added.Load(), changed: c.changed.Load(), gone: c.gone.Load(), hashed: c.hashed.Load(),
		bytesHashed: c.bytesHashed.Load(), uploaded: c.uploaded.Load(),
	}
}

// read counts a file that was hashed. A look that has to be had again counts once, when it has come to an end.
func (c *counters) read(bytes int64) {
	c.hashed.Add(1)
	c.bytesHashed.Add(bytes)
}

// since fills in what has been counted since an earlier moment.
func (r *Report) since(before, now counts) {
	r.Added, r.Changed, r.Gone = now.added-before.added, now.changed-before.changed, now.gone-before.gone
	r.Hashed, r.BytesHashed = now.hashed-before.hashed, now.bytesHashed-before.bytesHashed
	r.Uploaded = now.uploaded - before.uploaded
}
