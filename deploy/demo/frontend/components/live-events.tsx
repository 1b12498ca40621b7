"use client";

import { useEffect, useState } from "react";

type Event = { number: number; at: string };

export function LiveEvents() {
  const [state, setState] = useState("connecting");
  const [events, setEvents] = useState<Event[]>([]);

  useEffect(() => {
    const source = new EventSource("/api/events");
    source.onopen = () => setState("open");
    source.onerror = () => setState(source.readyState === EventSource.CLOSED ? "closed" : "reconnecting");
    source.onmessage = (message) => setEvents((old) => [JSON.parse(message.data), ...old].slice(0, 20));
    return () => source.close();
  }, []);

  return (
    <section className="card">
      <p>
        Connection: <strong data-testid="live-state">{state}</strong>, last event:{" "}
        <strong data-testid="live-last">{events[0]?.number ?? 0}</strong>
      </p>
      <ol className="events" reversed data-testid="live-events">
        {events.map((event) => <li key={event.at}>{event.number} at {event.at}</li>)}
      </ol>
    </section>
  );
}
