-- ready: how messages change their place in a standard queue without groups. A's score is seq, and half a point more
-- where Q:s knows the message (so a receive need not look there for the others), shifted into a band by what it is.
-- place: a new or moved-in message can be received.   back: leased messages, given by seq, can be received again.
-- hold: messages just taken are leased until `ends`.   again: a message that is free, or leased, is leased until `ends`.
-- unindex: messages given as in forget leave the index.   settle: ends every script; returns how many groups were freed.
-- uses: A, c, L, soon
local LEASED, DELAYED, GROUPED = 1125899906842624, 2251799813685248, 3377699720527872
local function place(seq, _, known) call('ZADD', A, known and seq + 0.5 or seq, seq) end
local function back(seqs)
  local scores = {}
  for i, seq in ipairs(seqs) do
    scores[2 * i - 1], scores[2 * i] = seq + 0.5, seq
  end
  call('ZADD', A, unpack(scores))
end
local function hold(taken, ends)
  for i = 1, #taken do
    local seq = taken[i][1]
    call('ZADD', A, seq + LEASED, seq)
    call('ZADD', L, ends, seq)
  end
  soon(ends)
  c.flying = c.flying and c.flying + #taken
end
local function again(seq, ends)
  call('ZADD', A, seq + LEASED, seq)
  call('ZADD', L, ends, seq)
  soon(ends)
  c.flying = nil
end
local function unindex(_, seqs)
  call('ZREM', A, unpack(seqs))
  call('ZREM', L, unpack(seqs))
end
local function settle() return 0 end
