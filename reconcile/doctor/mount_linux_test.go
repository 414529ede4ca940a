package doctor

import (
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// mountinfo is what Linux lists, of different machines.
const mountinfo = `22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
60 22 0:50 / /mnt/gfx rw,relatime shared:30 - cifs //NAS/gfx rw,vers=3.1.1,cache=strict,username=gfx,uid=0,forceuid,gid=0,forcegid,addr=192.168.1.10,file_mode=0755,dir_mode=0755,soft,nounix,serverino,mapposix,rsize=4194304,wsize=4194304,bsize=1048576,retrans=1,echo_interval=60,actimeo=1,closetimeo=1
61 22 0:51 / /mnt/slow\040share rw,relatime shared:31 - cifs //NAS/slow\040share rw,vers=3.0,cache=strict,username=gfx,actimeo=60
62 22 0:52 / /mnt/folders rw,relatime - smb3 //NAS/folders rw,vers=3.1.1,acdirmax=30,acregmax=1
63 22 0:53 / /srv/nfs rw,relatime shared:33 - nfs4 nas:/volume1/gfx rw,vers=4.2,rsize=1048576,wsize=1048576,namlen=255,hard,proto=tcp,timeo=600,retrans=2,sec=sys,clientaddr=192.168.1.20,local_lock=none,addr=192.168.1.10
64 22 0:54 / /srv/fast rw,relatime - nfs nas:/fast rw,vers=3,acregmin=1,acregmax=1,acdirmin=1,acdirmax=1,hard
65 22 0:55 / /srv/half rw,relatime - nfs nas:/half rw,vers=3,acregmax=3,hard
66 22 0:56 / /srv/none rw,relatime - nfs nas:/none rw,sync,vers=3,noac,hard
67 22 0:57 / /media/ssh rw,nosuid,nodev,relatime - fuse.sshfs gfx@nas:/gfx rw,user_id=1000,group_id=1000,allow_other
68 22 0:58 / /media/told rw,relatime - fuse.other other rw,user_id=0,attr_timeout=20.0,entry_timeout=1
69 60 0:59 / /mnt/gfx/inner rw,relatime - tmpfs tmpfs rw
70 22 0:60 / /mnt/twice rw,relatime - cifs //NAS/old rw,actimeo=60
71 22 0:61 / /mnt/twice rw,relatime - cifs //NAS/new rw,actimeo=1
nonsense
`

func TestHowLateAMountShowsASave(t *testing.T) {
	for _, tc := range []struct {
		dir     string
		verdict store.Verdict // empty: nothing is said
		says    []string
	}{
		{"/home/gfx", "", nil},
		{"/mnt/gfx", store.OK, []string{"/mnt/gfx is mounted from //NAS/gfx by cifs", "up to 1s (actimeo)"}},
		{"/mnt/gfx/PC01/1015", store.OK, []string{"//NAS/gfx"}},
		{"/mnt/gfx/inner/x", "", nil},
		{"/mnt/gfxother", "", nil},
		{"/mnt/slow share/x", store.Warn, []string{"//NAS/slow share", "up to 1m0s (actimeo): a save may be seen that late", "actimeo=1"}},
		{"/mnt/folders", store.Warn, []string{"smb3", "up to 30s (acdirmax)", "actimeo=1"}},
		{"/srv/nfs", store.Warn, []string{"nas:/volume1/gfx by nfs4", "up to 1m0s (acregmax)", "actimeo=1"}},
		{"/srv/fast", store.OK, []string{"up to 1s"}},
		{"/srv/half", store.Warn, []string{"up to 1m0s (acdirmax)"}},
		{"/srv/none", store.OK, []string{"up to 0s (noac)"}},
		{"/media/ssh", "", nil},
		{"/media/told", store.Warn, []string{"up to 20s (attr_timeout)", "attr_timeout=1"}},
		{"/mnt/twice", store.OK, []string{"//NAS/new"}},
	} {
		m, ok := mountIn(mountinfo, tc.dir)
		if !ok {
			t.Errorf("%s is on no mount", tc.dir)
		}
		findings := m.findings(time.Second)
		if tc.verdict == "" {
			if len(findings) > 0 {
				t.Errorf("of %s it is said that %+v", tc.dir, findings)
			}
			continue
		}
		if len(findings) != 1 {
			t.Errorf("of %s nothing is said", tc.dir)
			continue
		}
		expect(t, findings[0], "mount", tc.verdict, tc.says...)
	}
	m, _ := mountIn(mountinfo, "/mnt/slow share")
	if f := m.findings(2 * time.Minute); f[0].Verdict != store.OK {
		t.Errorf("folders are listed every two minutes, and a minute is too late: %+v", f)
	}
}

func TestWhichMountsAreShares(t *testing.T) {
	for dir, want := range map[string]bool{
		"/": false, "/proc": false, "/mnt/gfx": true, "/mnt/folders": true, "/srv/nfs": true, "/media/ssh": true, "/mnt/gfx/inner": false,
	} {
		if m, ok := mountIn(mountinfo, dir); !ok || m.isRemote() != want {
			t.Errorf("%s: %+v is a share: %v, want %v", dir, m, m.isRemote(), want)
		}
	}
	if nameSaysShare(t.TempDir()) {
		t.Error("the temporary directory is on a share")
	}
}
