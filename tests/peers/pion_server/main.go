// A small media server: WHIP at /whip/NAME, WHEP at /whep/NAME, what has come in at /counts/NAME. Needs the token "sesame".
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v3"
)

type stream struct {
	mutex  sync.Mutex
	source *webrtc.PeerConnection
	tracks []*webrtc.TrackLocalStaticRTP
	ssrcs  []uint32
	counts map[string]int
	first  float64
}

type server struct {
	mutex    sync.Mutex
	api      *webrtc.API
	streams  map[string]*stream
	sessions map[string]func()
	next     int
}

func (s *stream) askForKeyFrames() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, ssrc := range s.ssrcs {
		_ = s.source.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
	}
}

func (s *stream) receive(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	kind := remote.Kind().String()
	local, err := webrtc.NewTrackLocalStaticRTP(remote.Codec().RTPCodecCapability, kind, "stream")
	if err != nil {
		return
	}
	s.mutex.Lock()
	s.tracks = append(s.tracks, local)
	if kind == "video" {
		s.ssrcs = append(s.ssrcs, uint32(remote.SSRC()))
	}
	s.mutex.Unlock()
	for {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		s.mutex.Lock()
		s.counts[kind]++
		if s.first == 0 {
			s.first = float64(time.Now().UnixNano()) / 1e9
		}
		s.mutex.Unlock()
		packet.Extension, packet.Extensions = false, nil
		_ = local.WriteRTP(packet)
	}
}

func (s *stream) passOn(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.askForKeyFrames()
			}
		}
	}
}

func answer(pc *webrtc.PeerConnection, offer string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	description, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	if err := pc.SetLocalDescription(description); err != nil {
		return "", err
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-time.After(10 * time.Second):
		return "", errors.New("candidates were not gathered in time")
	}
}

func (s *server) begin(w http.ResponseWriter, r *http.Request, prepare func(*webrtc.PeerConnection) error, end func()) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/sdp" {
		http.Error(w, "POST an offer", http.StatusMethodNotAllowed)
		return
	}
	offer, _ := io.ReadAll(io.LimitReader(r.Body, 1<<18))
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err == nil {
		err = prepare(pc)
	}
	text := ""
	if err == nil {
		text, err = answer(pc, string(offer))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	s.next++
	id := fmt.Sprint(s.next)
	s.sessions[id] = func() { _ = pc.Close(); end() }
	s.mutex.Unlock()
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "/session/"+id)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, text)
}

func (s *server) find(name string) *stream {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.streams[name]
}

func (s *server) whip(w http.ResponseWriter, r *http.Request, name string) {
	one := &stream{counts: map[string]int{}}
	s.begin(w, r, func(pc *webrtc.PeerConnection) error {
		one.source = pc
		pc.OnTrack(one.receive)
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if s.streams[name] != nil {
			return errors.New("taken")
		}
		s.streams[name] = one
		return nil
	}, func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.streams, name)
	})
}

func (s *server) whep(w http.ResponseWriter, r *http.Request, name string) {
	one := s.find(name)
	if one == nil {
		http.Error(w, "no such stream", http.StatusNotFound)
		return
	}
	s.begin(w, r, func(pc *webrtc.PeerConnection) error {
		one.mutex.Lock()
		defer one.mutex.Unlock()
		for _, track := range one.tracks {
			sender, err := pc.AddTrack(track)
			if err != nil {
				return err
			}
			go one.passOn(sender)
		}
		pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
			if state == webrtc.PeerConnectionStateConnected {
				one.askForKeyFrames()
			}
		})
		return nil
	}, func() {})
}

func (s *server) counts(w http.ResponseWriter, name string) {
	one := s.find(name)
	if one == nil {
		http.Error(w, "no such stream", http.StatusNotFound)
		return
	}
	one.mutex.Lock()
	defer one.mutex.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]interface{}{"packets": one.counts, "first": one.first})
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 2)
	if r.Header.Get("Authorization") != "Bearer sesame" {
		http.Error(w, "the token is sesame", http.StatusUnauthorized)
		return
	}
	if len(parts) != 2 {
		http.NotFound(w, r)
		return
	}
	switch parts[0] {
	case "whip":
		s.whip(w, r, parts[1])
	case "whep":
		s.whep(w, r, parts[1])
	case "counts":
		s.counts(w, parts[1])
	case "session":
		s.mutex.Lock()
		end := s.sessions[parts[1]]
		delete(s.sessions, parts[1])
		s.mutex.Unlock()
		if end == nil || r.Method != http.MethodDelete {
			http.NotFound(w, r)
			return
		}
		end()
	default:
		http.NotFound(w, r)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// main takes "full" or "lite", and a port. Prints its address, and ends with its input.
func main() {
	media := &webrtc.MediaEngine{}
	must(media.RegisterDefaultCodecs())
	registry := &interceptor.Registry{}
	must(webrtc.RegisterDefaultInterceptors(media, registry))
	settings := webrtc.SettingEngine{}
	if len(os.Args) > 1 && os.Args[1] == "lite" {
		settings.SetLite(true)
	}
	api := webrtc.NewAPI(
		webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	s := &server{api: api, streams: map[string]*stream{}, sessions: map[string]func(){}}
	port := "0"
	if len(os.Args) > 2 {
		port = os.Args[2]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(err)
	fmt.Printf("http://%s\n", listener.Addr())
	go func() { _ = http.Serve(listener, s) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
}
