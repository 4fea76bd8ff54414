-- chaos_shuffle: the first receivable messages without group take each other's places; a listing of more than a page
-- may then show one twice. For tests.
-- keys:  Q.   args: a number for each place, which sorts them.   reply: how many.   fails: NOQUEUE.   cost: O(k log n).
-- uses: A, LEASED, open, settle, tick
local wrong = open()
if wrong then return wrong end
tick(100)
settle()
local found = call('ZRANGEBYSCORE', A, '-inf', string.format('(%.0f', LEASED), 'WITHSCORES', 'LIMIT', 0, #ARGV)
local places, seqs = {}, {}
for i = 1, #found / 2 do
  seqs[i], places[i] = found[2 * i - 1], i
end
table.sort(places, function(a, b) return tonumber(ARGV[a]) < tonumber(ARGV[b]) end)
for i, from in ipairs(places) do call('ZADD', A, found[2 * i], seqs[from]) end
return #seqs
