//! Temporary.
#![allow(clippy::print_stdout)]
use common::Schema; use dataset::Table; use std::time::Instant; use training::*;
fn main(){
 let schema=Schema::default();
 for (name,scale,shift) in [("1e3",1e3,0.0),("1e6",1e6,0.0),("1e9",1e9,0.0),("1e12",1e12,0.0),("ts",3600.0,1.7e9),("1e30",1e30,0.0),("1e60",0.9e59,0.0),("1e-9",1e-9,0.0)]{
 for sep in [false,true] {
 let n=20_000; let mut t=Table::new(&schema);
 let mut s=12345u64; let mut r=||{s^=s<<13;s^=s>>7;s^=s<<17;(s>>11) as f64/(1u64<<53) as f64};
 for i in 0..n{ let a=r(); let b=a*12.0+r()*100.0; let e=(r()*400.0).floor()+1.0;
  let eta=1.0-a*2.0; let c=if sep {a>0.5} else {r()<1.0/(1.0+(-eta).exp())};
  t.push(&(i as u64).to_le_bytes(),&[a*scale+shift,b,e],Some(c),i as u128);}
 let set=FitSettings{c:1.0};
 let k=Instant::now(); match fit(&set,&t,&t.labelled()) { Ok(f)=>{ let e=k.elapsed();
 let k=Instant::now(); let c=check(&set,&t,&f); println!("{name} {sep} fit {e:?} it {} check {:?} {c:?} loss {}",f.iterations,k.elapsed(),f.loss);}
 Err(e)=>println!("{name} {sep} {e} {:?}",k.elapsed())}
 }}}
