-- visibility: how messages become visible, leased or removed in a standard queue without groups. A score in Q:a is the
-- seq, plus a half where Q:s knows the message (so a receive need not read Q:s for the others), shifted into a band by
-- the message's state.
-- make_visible: a new, delayed or moved message can be received. release: leased messages, given by seq, are visible
-- again. lease_taken: messages just taken are leased until `ends`. set_lease: a visible or leased message is leased
-- until `ends`. unindex: remove messages, given as in removal, from the index. update_groups: must end every function;
-- returns how many groups became receivable.
-- uses: LEASED, leases_key, lower_due, order_key, queue, write_pairs
local function make_visible(seq, _, known) call('ZADD', order_key, known and seq + 0.5 or seq, seq) end
local function release(seqs)
  local scores = {}
  for i, seq in ipairs(seqs) do
    scores[2 * i - 1], scores[2 * i] = seq + 0.5, seq
  end
  call('ZADD', order_key, unpack(scores))
end
local function lease_taken(taken, ends)
  if taken[2] then
    local scores, leases = {}, {}
    for i = 1, #taken do
      local seq = taken[i][1]
      scores[2 * i - 1], scores[2 * i] = seq + LEASED, seq
      leases[2 * i - 1], leases[2 * i] = ends, seq
    end
    write_pairs('ZADD', order_key, scores)
    write_pairs('ZADD', leases_key, leases)
  else -- without the tables that several messages need
    local seq = taken[1][1]
    call('ZADD', order_key, seq + LEASED, seq)
    call('ZADD', leases_key, ends, seq)
  end
  lower_due(ends)
  queue.in_flight = queue.in_flight and queue.in_flight + #taken
end
local function set_lease(seq, ends)
  call('ZADD', order_key, seq + LEASED, seq)
  call('ZADD', leases_key, ends, seq)
  lower_due(ends)
  queue.in_flight = nil
end
local function unindex(_, seqs)
  call('ZREM', order_key, unpack(seqs))
  call('ZREM', leases_key, unpack(seqs))
end
local function update_groups() return 0 end
