package schema

import "slices"

// Withheld are the subjects of the JetStream API by which the users of an owned account could change, delete, restore over
// or move what the account declares; none where it is not owned. All others are free, STREAM.PURGE among them: the clients
// of object stores purge what they replace.
func (a *Account) Withheld() []string {
	if !a.Owned {
		return nil
	}
	var all []string
	for _, b := range a.Buckets {
		all = append(all, apiOf(streamVerbs, "KV_"+b.Name)...)
	}
	for _, o := range a.ObjectStores {
		all = append(all, apiOf(streamVerbs, "OBJ_"+o.Name)...)
	}
	for _, s := range a.Streams {
		all = append(all, apiOf(streamVerbs, s.Name)...)
		for _, c := range s.Consumers {
			consumer := apiOf(consumerVerbs, s.Name+"."+c.Name)
			all = append(all, slices.Insert(consumer, 1, consumer[0]+".>")...) // the same with a filter
		}
	}
	return all
}

// The requests about one stream or consumer that are withheld, as nats-server v2.15.2 has them (jetstream_api.go).
var (
	streamVerbs = []string{
		"STREAM.CREATE.", "STREAM.UPDATE.", "STREAM.DELETE.", "STREAM.RESTORE.", "STREAM.MSG.DELETE.", "STREAM.LEADER.*.",
		"STREAM.PEER.*.", "STREAM.CANCEL_MOVE.",
	}
	consumerVerbs = []string{
		"CONSUMER.CREATE.", "CONSUMER.DURABLE.CREATE.", "CONSUMER.DELETE.", "CONSUMER.PAUSE.", "CONSUMER.RESET.",
		"CONSUMER.LEADER.*.", "CONSUMER.PEER.*.",
	}
)

func apiOf(verbs []string, name string) []string {
	all := make([]string, len(verbs))
	for i, verb := range verbs {
		all[i] = "$JS.API." + verb + name
	}
	return all
}
