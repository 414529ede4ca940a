package sharefault

// enterAnew is the end of the remedies that need another name or password.
const enterAnew = "enter name and password anew where the share is connected (Windows: net use; Linux: the " +
	"credentials file of the mount), for the account that gfxsync runs under"

var faults = []Fault{
	// The server is not there.
	{
		Statuses: []string{
			"STATUS_BAD_NETWORK_PATH", "STATUS_HOST_UNREACHABLE", "STATUS_NETWORK_UNREACHABLE", "STATUS_IO_TIMEOUT",
			"STATUS_REMOTE_NOT_LISTENING", "STATUS_HOST_DOWN",
		},
		Errnos:  []string{"EHOSTDOWN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "ETIMEDOUT"},
		Windows: []uint32{53, 51, 121, 1203, 1222, 1231, 1232},
		Text:    "the file server cannot be reached",
		Remedy: "see that it is switched on and on the network, and that its name is right (ping it); this machine " +
			"has to reach its port 445",
	},
	{
		Statuses: []string{"STATUS_CONNECTION_REFUSED"},
		Errnos:   []string{"ECONNREFUSED"},
		Windows:  []uint32{1225},
		Text:     "the file server is there, and shares no folders now",
		Remedy:   "start the file service (SMB) on it, and let this machine through its firewall to port 445",
	},
	{
		Statuses: []string{
			"STATUS_NETWORK_NAME_DELETED", "STATUS_USER_SESSION_DELETED", "STATUS_NETWORK_SESSION_EXPIRED",
			"STATUS_CONNECTION_DISCONNECTED", "STATUS_CONNECTION_RESET", "STATUS_CONNECTION_ABORTED",
		},
		Errnos: []string{
			"ENOTCONN", "ESTALE", "EREMCHG", "ECONNABORTED", "ECONNRESET", "ENETRESET", "ESHUTDOWN", "EPIPE",
		},
		Windows: []uint32{64, 55, 1201, 1236, 2250},
		Text:    "the connection to the share was lost",
		Remedy: "if it does not come back by itself, see that the file server runs and still has the share, and " +
			"connect or mount the share again",
	},
	{
		Statuses: []string{"STATUS_REQUEST_NOT_ACCEPTED", "STATUS_TOO_MANY_SESSIONS"},
		Windows:  []uint32{71, 69},
		Text:     "the file server takes no more connections now",
		Remedy:   "close connections that nobody needs; a Windows that is no Windows Server takes 20 at most",
	},

	// It has no such share or folder. Linux says ENOENT of a missing share too.
	{
		Statuses: []string{"STATUS_BAD_NETWORK_NAME"},
		Windows:  []uint32{67, 66},
		Text:     "the file server has no share of this name",
		Remedy:   "compare the name of the share with the list of shares on the file server",
	},
	{
		Statuses: []string{"STATUS_OBJECT_NAME_NOT_FOUND", "STATUS_OBJECT_PATH_NOT_FOUND"},
		Errnos:   []string{"ENOENT", "ENOTDIR"},
		Windows:  []uint32{2, 3, 15, 1200},
		Text:     "there is no such share, or no such folder in it",
		Remedy: "compare both names with those on the file server; a drive letter is there only for the user who " +
			"connected it, never for a service: write //SERVER/SHARE/FOLDER instead",
	},

	// It does not know the account. Linux says EACCES of most of these.
	{
		Statuses: []string{
			"STATUS_LOGON_FAILURE", "STATUS_WRONG_PASSWORD", "STATUS_NO_SUCH_USER", "STATUS_INVALID_ACCOUNT_NAME",
		},
		Errnos:  []string{"EAUTH", "ENEEDAUTH"},
		Windows: []uint32{1326, 86, 1317, 2202},
		Text:    "the file server does not accept the user name or the password",
		Remedy:  "find out the right ones, and " + enterAnew,
	},
	{
		Statuses: []string{"STATUS_PASSWORD_EXPIRED", "STATUS_PASSWORD_MUST_CHANGE", "STATUS_ACCOUNT_EXPIRED"},
		Errnos:   []string{"EKEYEXPIRED"},
		Windows:  []uint32{1330, 1907, 1793},
		Text:     "the password of the account has expired, or the account itself",
		Remedy:   "set a new password on the file server, or prolong the account, and " + enterAnew,
	},
	{
		Statuses: []string{"STATUS_ACCOUNT_DISABLED"},
		Errnos:   []string{"EKEYREVOKED"},
		Windows:  []uint32{1331},
		Text:     "the account is disabled on the file server",
		Remedy:   "have it enabled, or take another account that may read the folder, and " + enterAnew,
	},
	{
		Statuses: []string{"STATUS_ACCOUNT_LOCKED_OUT"},
		Windows:  []uint32{1909},
		Text:     "the account is locked, as after too many wrong passwords",
		Remedy: "find what still uses an old password and correct it there; then have the account unlocked on the " +
			"file server",
	},
	{
		Statuses: []string{
			"STATUS_ACCOUNT_RESTRICTION", "STATUS_INVALID_LOGON_HOURS", "STATUS_INVALID_WORKSTATION",
			"STATUS_LOGON_TYPE_NOT_GRANTED",
		},
		Windows: []uint32{1327, 1328, 1329, 1385},
		Text: "the file server does not let this account in: it has no password, or may not log on now or from this " +
			"machine",
		Remedy: "give the account a password, and the right to log on over the network from this machine at any hour",
	},
	{
		Statuses: []string{"STATUS_SMB_GUEST_LOGON_BLOCKED"},
		Windows:  []uint32{1272},
		Text:     "this machine does not use shares as a guest, without a user name and a password",
		Remedy: "make an account with a password for gfxsync on the file server, which may read the folder, and " +
			enterAnew,
	},
	{
		Statuses: []string{"STATUS_NETWORK_CREDENTIAL_CONFLICT"},
		Windows:  []uint32{1219},
		Text:     "this machine is connected to the file server under another user name already",
		Remedy: "disconnect its other shares (net use lists them), and connect all of them with one user name and " +
			"password",
	},
	{
		Statuses: []string{"STATUS_NO_LOGON_SERVERS"},
		Windows:  []uint32{1311},
		Text:     "nobody can be reached who knows the account: the domain controller is away",
		Remedy:   "see that the domain controller runs and that this machine reaches it",
	},
	{
		Statuses: []string{"STATUS_TIME_DIFFERENCE_AT_DC"},
		Windows:  []uint32{1398},
		Text:     "the clocks of this machine and of the file server differ too much to log on",
		Remedy:   "let both take their time from the same time server",
	},

	// They do not understand each other.
	{
		Statuses: []string{"STATUS_INVALID_SIGNATURE", "STATUS_LOGIN_WKSTA_RESTRICTION", "STATUS_DOWNGRADE_DETECTED"},
		Windows:  []uint32{1240, 1265},
		Text:     "the file server and this machine do not agree on how to protect the connection (SMB signing)",
		Remedy: "switch SMB signing on at the file server, and update it if it knows none; connect with a user name " +
			"and a password, because a guest's connection cannot be signed",
	},
	{
		Statuses: []string{"STATUS_NOT_SUPPORTED"},
		Errnos:   []string{"EOPNOTSUPP", "ENOTSUP", "EPROTONOSUPPORT", "ENOSYS"},
		Windows:  []uint32{50, 58, 384},
		Text:     "the file server and this machine have no version of the SMB protocol in common",
		Remedy: "switch SMB 3 on at the file server, or update it; on Linux, remove an older version (vers=) from " +
			"the options of the mount",
	},

	// It refuses. A server that wants encryption says this to a machine that cannot encrypt.
	{
		Statuses: []string{"STATUS_ACCESS_DENIED", "STATUS_NETWORK_ACCESS_DENIED", "STATUS_PRIVILEGE_NOT_HELD"},
		Errnos:   []string{"EACCES", "EPERM"},
		Windows:  []uint32{5, 65, 1314},
		Text:     "the file server refuses the account",
		Remedy: "give the account that the share is connected with the right to list and to read the folder, in the " +
			"rights of the share and in those of the folder; if that worked before, its password has changed, " +
			"perhaps; then " + enterAnew,
	},

	// Something else.
	{
		Statuses: []string{"STATUS_UNEXPECTED_NETWORK_ERROR", "STATUS_NO_SUCH_DEVICE", "STATUS_DEVICE_DOES_NOT_EXIST"},
		Errnos:   []string{"EIO", "ENODEV", "ENXIO", "EREMOTEIO"},
		Windows:  []uint32{59, 57, 21},
		Text:     "the share answers with an error",
		Remedy: "see that the file server runs and can be reached; if it does, look at its log, and on Linux at that " +
			"of the kernel (dmesg); then connect or mount the share again",
	},
}
