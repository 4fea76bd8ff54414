-- dead: the dead-letter rule. A message past the queue's receive limit departs (see depart) instead of being given. Only
-- receives in this queue are weighed: each queue of a chain gives it so often as its own limit says.
-- uses: BEFORE, c, COUNT, depart, doomed, expired, forget, q
local function most_receives() return c.dead and c.dead_after <= q.now and c.most or math.huge end
local function intend(seq, record, state) depart(seq, record, state, c.dead, c.dead_ttl, '') end
-- pass_over: a message that must not be given any more leaves: nothing is left of an expired one (0), one past the
-- receive limit leaves an intent (1); nil if it may be given.
local function pass_over(seq, record, state, most)
  if expired(record, state) then
    forget({ doomed(seq, record, state) })
    return 0
  elseif state[COUNT] - (state[BEFORE] or 0) >= most then
    intend(seq, record, state)
    return 1
  end
end
