package hashindex

// DecideStatements are the statements of DecideWinner, for a test of their plans.
func DecideStatements(session *int64) []string {
	return []string{decided(session) + countLost, decided(session) + applyDecided}
}
