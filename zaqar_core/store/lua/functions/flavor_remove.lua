-- flavor_remove: remove a flavor from the catalogue and from its pools; a missing one is no error.
-- keys:  sf1:{pools}.
-- args:  name
-- reply: revision.
-- fails: nothing.
-- effect: frees.
-- cost:  O(pools).
-- uses: base_key, next_revision
if call('HDEL', base_key .. ':flavors', ARGV[1]) == 0 then return call('HGET', base_key, 'rev') or '0' end
for _, pool in ipairs(call('HKEYS', base_key .. ':of')) do
  if call('HGET', base_key .. ':of', pool) == ARGV[1] then call('HDEL', base_key .. ':of', pool) end
end
return next_revision()
