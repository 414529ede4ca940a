{{- /* The mapping from the file to the columns. Each row has the name of a table, a column, and an expression over
	g, the hand (position, j; derived from j: pot, board, winner, seat; o, its place in the call),
	p, an element of Players (n, its place; j), and  e, an element of Events (n, j).
A value that is missing or null in the file is null here, and the column gets its default. Whoever changes the mapping
must change its number too: then every session is expanded again. */ -}}
{{define "mapping number"}}1{{end}}
{{define "mapping" -}}
VALUES
		('gfx_hands', 'session_id', $e$expand_session$e$),
		('gfx_hands', 'position', $e$g.position$e$),
		('gfx_hands', 'source_hash', $e$g.hash$e$),
		('gfx_hands', 'hand_num', $e$g.j ->> 'HandNum'$e$),
		('gfx_hands', 'game_variant', $e$g.j ->> 'GameVariant'$e$),
		('gfx_hands', 'game_class', $e$g.j ->> 'GameClass'$e$),
		('gfx_hands', 'bet_structure', $e$g.j ->> 'BetStructure'$e$),
		('gfx_hands', 'duration_seconds', $e$trunc(extract(epoch FROM (g.j ->> 'Duration')::interval))$e$),
		('gfx_hands', 'start_time', $e$g.j ->> 'StartDateTimeUTC'$e$),
		('gfx_hands', 'recording_offset_iso', $e$g.j ->> 'RecordingOffsetStart'$e$),
		('gfx_hands', 'recording_offset_seconds',
			$e$trunc(extract(epoch FROM (g.j ->> 'RecordingOffsetStart')::interval))$e$),
		('gfx_hands', 'num_boards', $e$g.j ->> 'NumBoards'$e$),
		('gfx_hands', 'run_it_num_times', $e$g.j ->> 'RunItNumTimes'$e$),
		('gfx_hands', 'ante_amt', $e$g.j ->> 'AnteAmt'$e$),
		('gfx_hands', 'bomb_pot_amt', $e$g.j ->> 'BombPotAmt'$e$),
		('gfx_hands', 'description', $e$g.j ->> 'Description'$e$),
		('gfx_hands', 'blinds', $e$CASE WHEN pg_catalog.jsonb_typeof(g.j -> 'FlopDrawBlinds') = 'object' THEN
			pg_catalog.jsonb_build_object(
				'ante_type', g.j #> '{FlopDrawBlinds,AnteType}',
				'big_blind_amt', g.j #> '{FlopDrawBlinds,BigBlindAmt}',
				'big_blind_player_num', g.j #> '{FlopDrawBlinds,BigBlindPlayerNum}',
				'small_blind_amt', g.j #> '{FlopDrawBlinds,SmallBlindAmt}',
				'small_blind_player_num', g.j #> '{FlopDrawBlinds,SmallBlindPlayerNum}',
				'button_player_num', g.j #> '{FlopDrawBlinds,ButtonPlayerNum}',
				'third_blind_amt', g.j #> '{FlopDrawBlinds,ThirdBlindAmt}',
				'blind_level', g.j #> '{FlopDrawBlinds,BlindLevel}') END$e$),
		('gfx_hands', 'stud_limits', $e$nullif(g.j -> 'StudLimits', 'null')$e$),
		('gfx_hands', 'player_count', $e$g.players$e$),
		('gfx_hands', 'pot_size', $e$g.pot$e$),
		('gfx_hands', 'board_cards', $e$g.board$e$),
		('gfx_hands', 'winner_name', $e$g.winner$e$),
		('gfx_hands', 'winner_seat', $e$g.seat$e$),

		('gfx_hand_players', 'id', $e$(ids || lpad(to_hex((g.o << 26) | p.n), 8, '0'))::uuid$e$),
		('gfx_hand_players', 'hand_id', $e$g.id$e$),
		('gfx_hand_players', 'player_id', $e$p.player_id$e$),
		('gfx_hand_players', 'seat_num', $e$p.j ->> 'PlayerNum'$e$),
		('gfx_hand_players', 'player_name', $e$coalesce(p.j ->> 'Name', '')$e$),
		('gfx_hand_players', 'hole_cards', $e$p.cards$e$),
		('gfx_hand_players', 'has_shown', $e$p.cards <> '{}'$e$),
		('gfx_hand_players', 'start_stack_amt', $e$p.j ->> 'StartStackAmt'$e$),
		('gfx_hand_players', 'end_stack_amt', $e$p.j ->> 'EndStackAmt'$e$),
		('gfx_hand_players', 'cumulative_winnings_amt', $e$p.j ->> 'CumulativeWinningsAmt'$e$),
		('gfx_hand_players', 'blind_bet_straddle_amt', $e$p.j ->> 'BlindBetStraddleAmt'$e$),
		('gfx_hand_players', 'sitting_out', $e$p.j ->> 'SittingOut'$e$),
		('gfx_hand_players', 'elimination_rank', $e$coalesce(nullif((p.j ->> 'EliminationRank')::numeric, 0), -1)$e$),
		('gfx_hand_players', 'is_winner',
			$e$coalesce((p.j ->> 'EndStackAmt')::numeric > (p.j ->> 'StartStackAmt')::numeric, false)$e$),
		('gfx_hand_players', 'vpip_percent', $e$p.j ->> 'VPIPPercent'$e$),
		('gfx_hand_players', 'preflop_raise_percent', $e$p.j ->> 'PreFlopRaisePercent'$e$),
		('gfx_hand_players', 'aggression_frequency_percent', $e$p.j ->> 'AggressionFrequencyPercent'$e$),
		('gfx_hand_players', 'went_to_showdown_percent', $e$p.j ->> 'WentToShowDownPercent'$e$),

		('gfx_events', 'id', $e$(ids || lpad(to_hex((g.o << 26) | e.n), 8, '0'))::uuid$e$),
		('gfx_events', 'hand_id', $e$g.id$e$),
		('gfx_events', 'event_order', $e$e.n - 1$e$),
		('gfx_events', 'event_type', $e$pg_catalog.replace(e.j ->> 'EventType', ' ', '_')$e$),
		('gfx_events', 'player_num', $e$e.j ->> 'PlayerNum'$e$),
		('gfx_events', 'bet_amt', $e$e.j ->> 'BetAmt'$e$),
		('gfx_events', 'pot', $e$e.j ->> 'Pot'$e$),
		('gfx_events', 'board_cards', $e$CASE pg_catalog.jsonb_typeof(e.j -> 'BoardCards')
			WHEN 'array' THEN e.j #>> '{BoardCards,0}' ELSE e.j ->> 'BoardCards' END$e$),
		('gfx_events', 'board_num', $e$e.j ->> 'BoardNum'$e$),
		('gfx_events', 'num_cards_drawn', $e$e.j ->> 'NumCardsDrawn'$e$),
		('gfx_events', 'event_time', $e$e.j ->> 'DateTimeUTC'$e$)
{{- end}}

{{- /* The columns that identify a hand in gfx_hands. Null: the table is unique on neither of the choices. */ -}}
{{define "hands key" -}}
SELECT k.columns FROM (VALUES (1, 'session_id,hand_num'), (2, 'session_id,position')) AS k (place, columns)
	WHERE EXISTS (
		SELECT FROM pg_index i
		WHERE i.indrelid = '{{.Schema}}.gfx_hands'::regclass AND i.indisunique AND i.indisvalid AND i.indimmediate
			AND i.indpred IS NULL AND i.indnkeyatts = 2 AND (
				SELECT count(*) FROM pg_attribute a
				WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:1])
					AND a.attname = ANY (string_to_array(k.columns, ','))
			) = 2
	)
	ORDER BY k.place LIMIT 1
{{- end}}
