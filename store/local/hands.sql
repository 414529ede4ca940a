-- The rows that graphics read, as views over gfx_sessions: what gfxsync schema --hands makes on Supabase, with the same
-- names of columns. Of a session's versions they show the winner. A value of a type that it cannot have is null, and
-- what is no object where one must be is left out: no file can make a view fail.
--
-- Every program that reads the file has to understand these views, whatever its version of SQLite. So nothing is used
-- that SQLite has had for less than years, and no function of gfxsync's own.
--
-- Where SQLite has no such type, an ID is a text, a boolean 0 or 1, and an array a JSON text.

-- The winner of a session is one step in this index.
DROP INDEX IF EXISTS gfx_sessions_session_id;
CREATE INDEX IF NOT EXISTS gfx_sessions_versions ON gfx_sessions (session_id, hand_count, file_modified_at);

-- What the views begin with: each hand as it is in the file.
CREATE VIEW IF NOT EXISTS gfx_hand_documents AS
SELECT s.session_id || '-' || h.key AS hand_id, s.session_id, h.key AS position,
	CASE h.type WHEN 'object' THEN h.value END AS hand
FROM gfx_sessions AS s, json_each(s.raw_json, '$.Hands') AS h
WHERE json_type(s.raw_json, '$.Hands') = 'array' AND h.type = 'object' AND s.id = (
	SELECT v.id FROM gfx_sessions AS v WHERE v.session_id = s.session_id
	ORDER BY v.hand_count DESC, v.file_modified_at DESC, v.id DESC LIMIT 1
);

CREATE VIEW IF NOT EXISTS gfx_hands AS
SELECT d.hand_id AS id, d.session_id, CAST(d.session_id AS TEXT) AS session_id_text, d.position,
	{{integer "d.hand" "HandNum" "NULL"}} AS hand_num,
	{{text "d.hand" "GameVariant"}} AS game_variant,
	{{text "d.hand" "GameClass"}} AS game_class,
	{{text "d.hand" "BetStructure"}} AS bet_structure,
	{{duration "d.hand" "Duration" "0"}} AS duration_seconds,
	{{time "d.hand" "StartDateTimeUTC"}} AS start_time,
	{{text "d.hand" "RecordingOffsetStart"}} AS recording_offset_iso,
	{{duration "d.hand" "RecordingOffsetStart" "NULL"}} AS recording_offset_seconds,
	{{integer "d.hand" "NumBoards" "1"}} AS num_boards,
	{{integer "d.hand" "RunItNumTimes" "1"}} AS run_it_num_times,
	{{integer "d.hand" "AnteAmt" "0"}} AS ante_amt,
	{{integer "d.hand" "BombPotAmt" "0"}} AS bomb_pot_amt,
	{{text "d.hand" "Description"}} AS description,
	CASE json_type(d.hand, '$.FlopDrawBlinds') WHEN 'object' THEN json_object(
		'ante_type', {{text "d.hand" "FlopDrawBlinds.AnteType"}},
		'big_blind_amt', {{integer "d.hand" "FlopDrawBlinds.BigBlindAmt" "NULL"}},
		'big_blind_player_num', {{integer "d.hand" "FlopDrawBlinds.BigBlindPlayerNum" "NULL"}},
		'small_blind_amt', {{integer "d.hand" "FlopDrawBlinds.SmallBlindAmt" "NULL"}},
		'small_blind_player_num', {{integer "d.hand" "FlopDrawBlinds.SmallBlindPlayerNum" "NULL"}},
		'button_player_num', {{integer "d.hand" "FlopDrawBlinds.ButtonPlayerNum" "NULL"}},
		'third_blind_amt', {{integer "d.hand" "FlopDrawBlinds.ThirdBlindAmt" "NULL"}},
		'blind_level', {{integer "d.hand" "FlopDrawBlinds.BlindLevel" "NULL"}}
	) END AS blinds,
	CASE json_type(d.hand, '$.StudLimits') WHEN 'object' THEN json_extract(d.hand, '$.StudLimits') END AS stud_limits,
	CASE json_type(d.hand, '$.Players') WHEN 'array' THEN json_array_length(d.hand, '$.Players') ELSE 0 END
		AS player_count,
	-- The largest pot that an event tells of.
	coalesce((SELECT max({{integer item "Pot" "0"}}) FROM {{each "d.hand" "Events"}}), 0) AS pot_size,
	-- The cards of the board in the order in which they were dealt; of several boards those of all.
	(SELECT json_group_array(card) FROM (
		SELECT {{card}} AS card FROM {{each "d.hand" "Events"}}
		WHERE replace({{text item "EventType"}}, ' ', '_') = 'BOARD_CARD' AND {{card}} <> '' ORDER BY i.key
	)) AS board_cards,
	-- The player whose stack grew most; of several the first in the file. Null if nobody's did.
	(SELECT {{text item "Name"}} {{winner}}) AS winner_name,
	(SELECT {{integer item "PlayerNum" "NULL"}} {{winner}}) AS winner_seat
FROM gfx_hand_documents AS d;

CREATE VIEW IF NOT EXISTS gfx_hand_players AS
SELECT d.hand_id || '-' || i.key AS id, d.hand_id, {{player}} AS player_id,
	{{integer item "PlayerNum" "NULL"}} AS seat_num,
	{{text item "Name"}} AS player_name,
	{{cards}} AS hole_cards,
	json_array_length({{cards}}) > 0 AS has_shown,
	{{integer item "StartStackAmt" "0"}} AS start_stack_amt,
	{{integer item "EndStackAmt" "0"}} AS end_stack_amt,
	{{integer item "CumulativeWinningsAmt" "0"}} AS cumulative_winnings_amt,
	{{integer item "BlindBetStraddleAmt" "0"}} AS blind_bet_straddle_amt,
	{{boolean item "SittingOut" "0"}} AS sitting_out,
	coalesce(nullif({{integer item "EliminationRank" "0"}}, 0), -1) AS elimination_rank,
	{{integer item "EndStackAmt" "0"}} > {{integer item "StartStackAmt" "0"}} AS is_winner,
	{{number item "VPIPPercent" "0"}} AS vpip_percent,
	{{number item "PreFlopRaisePercent" "0"}} AS preflop_raise_percent,
	{{number item "AggressionFrequencyPercent" "0"}} AS aggression_frequency_percent,
	{{number item "WentToShowDownPercent" "0"}} AS went_to_showdown_percent
FROM gfx_hand_documents AS d, {{each "d.hand" "Players"}}
WHERE i.type = 'object';

CREATE VIEW IF NOT EXISTS gfx_events AS
SELECT d.hand_id || '-' || i.key AS id, d.hand_id, i.key AS event_order,
	replace({{text item "EventType"}}, ' ', '_') AS event_type,
	{{integer item "PlayerNum" "0"}} AS player_num,
	{{integer item "BetAmt" "0"}} AS bet_amt,
	{{integer item "Pot" "0"}} AS pot,
	{{card}} AS board_cards,
	{{integer item "BoardNum" "0"}} AS board_num,
	{{integer item "NumCardsDrawn" "0"}} AS num_cards_drawn,
	{{time item "DateTimeUTC"}} AS event_time
FROM gfx_hand_documents AS d, {{each "d.hand" "Events"}}
WHERE i.type = 'object';

-- A player is known by both names, whatever their case, of which SQLite knows that of the letters from A to Z.
CREATE VIEW IF NOT EXISTS gfx_players AS
SELECT p.id, {{md5 "p.id"}} AS player_hash, p.name, p.long_name,
	p.total_hands_played, p.total_sessions, p.first_seen_at, p.last_seen_at
FROM (
	SELECT {{player}} AS id,
		max(coalesce({{text item "Name"}}, '')) AS name,
		max(coalesce({{text item "LongName"}}, '')) AS long_name,
		count(DISTINCT d.hand_id) AS total_hands_played,
		count(DISTINCT d.session_id) AS total_sessions,
		min({{time "d.hand" "StartDateTimeUTC"}}) AS first_seen_at,
		max({{time "d.hand" "StartDateTimeUTC"}}) AS last_seen_at
	FROM gfx_hand_documents AS d, {{each "d.hand" "Players"}}
	WHERE i.type = 'object'
	GROUP BY 1
) AS p;
