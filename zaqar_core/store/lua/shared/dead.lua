-- dead: the dead-letter rule. A message past the queue's receive limit departs (see depart) instead of being given.
local function most_receives() return c.dead and c.dead_after <= q.now and c.most or math.huge end
local function intend(seq, record, state) depart(seq, record, state, c.dead, c.dead_ttl, '') end
